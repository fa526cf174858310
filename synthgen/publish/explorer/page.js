
"use strict";
(() => {
  const { rows, unit, totals } = JSON.parse(document.getElementById("data").textContent);
  const at = (id) => document.getElementById(id);
  const made = (tag, properties = {}, children = []) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  };
  const EDGES = [0.05, 0.5, 1, 2, 4, 8]; // bits from which on a shade is taken, the next one each
  const LONG = 600; // characters of a latent that is folded
  const NO_SHADE = "nothing";
  const SHADES = [
    ["bits", "bits of a perfect model", "s"],
    ["model", "bits of this model", "s"],
    ["over", "bits that this model pays beyond", "m"],
  ];

  // What is searched: everything that is said of a row, in small letters.
  const said = rows.map((row) =>
    [`${row.split} ${row.id}`, row.text ?? row.pieces.join(" "), ...row.latent.map((pair) => pair.join(" "))]
      .join("\n")
      .toLowerCase(),
  );
  const number = (value) => (value === null ? "endless" : value.toLocaleString("en", { maximumFractionDigits: 3 }));
  let matching = rows.map((_, i) => i);
  let place = 0;

  const splits = [...new Set(rows.map((row) => row.split))];
  at("split").append(
    made("option", { value: "", textContent: "all" }),
    ...splits.map((split) => made("option", { value: split, textContent: split })),
  );
  const shades = SHADES.filter(([name]) => rows.some((row) => valuesOf(row, name)));
  at("shading").append(
    ...shades.map(([name, words]) => made("option", { value: name, textContent: words })),
    made("option", { value: NO_SHADE, textContent: NO_SHADE }),
  );
  at("shading-label").hidden = shades.length === 0;

  function valuesOf(row, name) {
    if (name !== "over") return row[name];
    return row.model && row.bits && row.model.map((bits, i) => bits - row.bits[i]);
  }

  function choose() {
    const split = at("split").value;
    const wanted = at("search").value.trim().toLowerCase();
    matching = rows
      .map((_, i) => i)
      .filter((i) => (!split || rows[i].split === split) && (!wanted || said[i].includes(wanted)));
    place = 0;
    show();
  }

  function show() {
    const there = matching.length > 0;
    at("where").textContent = there ? where() : "no row has that";
    at("previous").disabled = !there || place === 0;
    at("next").disabled = !there || place === matching.length - 1;
    at("row").replaceChildren(...(there ? parts(rows[matching[place]]) : [made("h3", { id: "row-title", textContent: "No row" })]));
  }

  // How many rows these are of, for a page shows but the first ones of each split.
  function where() {
    const here = `row ${number(place + 1)} of ${number(matching.length)}`;
    if (at("search").value.trim()) return `${here} that have this, of ${number(rows.length)} shown`;
    const among = at("split").value ? [at("split").value] : splits;
    const counts = among.map((split) => totals[split]);
    const all = counts.includes(null) ? "endlessly many" : number(counts.reduce((sum, count) => sum + count, 0));
    return `${here} shown, of ${all} in ${among.length > 1 ? `${number(among.length)} splits` : among[0]}`;
  }

  function go(by) {
    const next = place + by;
    if (next < 0 || next >= matching.length) return;
    place = next;
    show();
  }

  function parts(row) {
    const title = made("h3", { id: "row-title", textContent: `${row.split}, row ${number(row.id)}` });
    const out = [title];
    const kinds = [...new Set(row.spans.map((span) => span[2]))];
    out.push(textOf(row, kinds), made("output", { id: "told", textContent: told(row) }), ...legends(row, kinds));
    if (row.picture) out.push(region("Picture of the row", [drawing(row.picture)]));
    const books = Object.entries(row.books);
    if (books.length) {
      out.push(made("h4", { textContent: "Bits of this row" }), pairs(books.map(([name, bits]) => [name, number(bits)])));
    }
    if (row.latent.length) {
      out.push(made("details", { open: row.latent.length < 9 }, [
        made("summary", { textContent: "What the row was made from" }), pairs(row.latent)]));
    }
    return out;
  }

  function legends(row, kinds) {
    const marks = kinds.map((kind) =>
      made("span", { className: `kind k-${row.tones[kind]}`, textContent: kind.replaceAll("_", " ") }));
    const length = (row.pieces ?? Array.from(row.text)).length;
    if (row.given > 0 && row.given < length) marks.unshift(made("span", { className: "given", textContent: "the prompt" }));
    const out = marks.length ? [made("ul", { className: "legend" }, marks.map((mark) => made("li", {}, [mark])))] : [];
    const [name, words, letter] = SHADES.find(([shade]) => shade === at("shading").value) ?? [];
    if (name && valuesOf(row, name)) {
      const steps = EDGES.map((edge, i) =>
        made("span", { className: `shade ${letter}${i + 1}`, textContent: i + 1 < EDGES.length ? `${edge}–${EDGES[i + 1]}` : `${edge} and more` }));
      const scale = [made("span", { textContent: `Shade of a ${unit}: ${words}` }), ...steps];
      out.push(made("ul", { className: "legend scale" }, scale.map((step) => made("li", {}, [step]))));
    }
    return out;
  }

  function told(row) {
    const drawn = row.books.total;
    const bits = drawn === undefined ? "" : `${number(drawn)} bits`;
    const hard = row.difficulty === null || row.difficulty === undefined ? "" : `difficulty ${row.difficulty}`;
    return [hard, bits, textBits(row, drawn)].filter(Boolean).join(" · ");
  }

  // Rows that stand in an order (each person five times) draw less than what is seen of them tells.
  function textBits(row, drawn) {
    if (!row.bits || row.bits.some((bits) => bits === null)) return "";
    const sum = row.bits.reduce((a, b) => a + b, 0);
    if (typeof drawn === "number" && Math.abs(sum - drawn) < 0.05) return "";
    return `${number(Math.round(sum * 1000) / 1000)} bits to whoever sees the text and not which row it is`;
  }

  function pairs(list) {
    return made("dl", { className: "list" },
      list.flatMap(([name, value]) => [made("dt", { textContent: name.replaceAll("_", " ") }), described(value)]));
  }

  // Values are shown whole: long ones unfold.
  function described(value) {
    if (String(value).length <= LONG) return made("dd", { textContent: value });
    const summary = `${value.slice(0, LONG / 10)}… show all ${number(value.length)} characters`;
    return made("dd", {}, [made("details", { className: "long" }, [made("summary", { textContent: summary }), value])]);
  }

  function region(label, children) {
    const box = made("div", { className: "scroll", tabIndex: 0 }, children);
    box.setAttribute("role", "region");
    box.setAttribute("aria-label", label);
    return box;
  }

  function drawing(svg) {
    const parsed = new DOMParser().parseFromString(
      svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" '), "image/svg+xml");
    return document.importNode(parsed.documentElement, true);
  }

  function textOf(row, kinds) {
    const pieces = row.pieces ?? Array.from(row.text);
    const kindAt = new Array(pieces.length).fill(-1);
    for (const [start, end, kind] of row.spans) {
      for (let i = start; i < Math.min(end, pieces.length); i++) kindAt[i] = kinds.indexOf(kind);
    }
    const shading = at("shading").value;
    const values = shading === NO_SHADE ? undefined : valuesOf(row, shading);
    const letter = (SHADES.find(([name]) => name === shading) ?? [])[2];
    const box = made("div", { id: "text", className: row.pieces ? "tokens" : "", tabIndex: 0 });
    box.setAttribute("role", "group");
    box.setAttribute("aria-label", `Text of the row: ${number(pieces.length)} ${unit}s. Left and right arrows walk through it.`);
    const spans = pieces.map((piece, i) => {
      const level = values === undefined ? 0 : EDGES.filter((edge) => (values[i] ?? Infinity) >= edge).length;
      const names = ["t", i < row.given && "given", level > 0 && `shade ${letter}${level}`, kindAt[i] >= 0 && `k-${row.tones[kinds[kindAt[i]]]}`];
      return made("span", { className: names.filter(Boolean).join(" "), textContent: piece });
    });
    spans.forEach((span, i) => {
      span.dataset.i = i;
      box.append(span, ...(row.pieces ? [" "] : []));
    });
    const tell = (i) => {
      const words = [`${unit} ${number(i + 1)} of ${number(pieces.length)}: “${pieces[i]}”`];
      if (row.bits) words.push(`${number(row.bits[i])} bits`);
      if (row.model) words.push(`this model pays ${number(row.model[i])}`);
      if (kindAt[i] >= 0) words.push(`in ${kinds[kindAt[i]].replaceAll("_", " ")}`);
      if (i < row.given) words.push("prompt");
      at("told").textContent = words.join(" · ");
    };
    let here = -1;
    const walk = (i) => {
      if (here >= 0) spans[here].classList.remove("at");
      here = Math.max(0, Math.min(spans.length - 1, i));
      spans[here].classList.add("at");
      spans[here].scrollIntoView({ block: "nearest" });
      tell(here);
    };
    box.addEventListener("mouseover", (event) => {
      if (event.target.dataset.i !== undefined) tell(Number(event.target.dataset.i));
    });
    box.addEventListener("click", (event) => {
      if (event.target.dataset.i !== undefined) walk(Number(event.target.dataset.i));
    });
    box.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1, Home: -Infinity, End: Infinity }[event.key];
      if (step === undefined || !spans.length) return;
      walk(here + step);
      event.preventDefault();
    });
    return box;
  }

  at("split").addEventListener("change", choose);
  at("search").addEventListener("input", choose);
  at("shading").addEventListener("change", show);
  at("previous").addEventListener("click", () => go(-1));
  at("next").addEventListener("click", () => go(1));
  at("controls").addEventListener("submit", (event) => event.preventDefault());
  document.addEventListener("keydown", (event) => {
    if (event.target.matches("input, select") || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "n") go(1);
    else if (event.key === "p") go(-1);
    else if (event.key === "/") {
      at("search").focus();
      event.preventDefault();
    }
  });
  show();
})();
