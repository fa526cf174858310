"""The layouts of tests/judge, filled in from rows: what chat models write, right and wrong, for every family of tasks."""

import itertools
import json
import random
import re
import tomllib
from pathlib import Path

from evaluators import BOXES

import synthgen

RIGHT, WRONG = (
    tomllib.loads((Path(__file__).parent / "judge" / f"{name}.toml").read_text("utf-8")) for name in ("right", "wrong")
)

FAMILIES = {
    "igsm-med-qp": ("number", "solution"),
    "igsm-open-boxes": ("number", "solution"),
    "chain-retry50": ("number", "solution"),
    "stories-boxes": ("number", "solution"),
    "stories-order": ("listing",),
    "mano-tiny": ("number",),
    "birthyear-3-2": ("number",),
    "qa-extract": ("one",),
    "know-retrieve-dual": ("one",),
    "know-subtract-major": ("number",),
    "relations-2hop": ("one",),
    "history-questions": ("one",),
    "depo1-tiny": ("one",),
    "depo2-tiny": ("one",),
    "brevo1-tiny": ("listing",),
    "brevo2-tiny": ("listing",),
    "copy-tiny": ("listing",),
    "recall-tiny": ("listing",),
    "cfg3f-cut50": ("listing",),
}
"""A spec or two of every family, and which layouts suit its answers: "number" has those of "one" too."""


def filled(layout, **fields):
    """Return a layout with {name} replaced, for every name in one go: what is put in stays as it is."""
    return re.sub(rf"\{{({'|'.join(map(re.escape, fields))})\}}", lambda match: str(fields[match[1]]), layout)


def layouts(kind, book):
    return book["one"] + book["number"] if kind == "number" else book[kind]


# -- rows ---------------------------------------------------------------------------------------------------------------


def asked(source, row):
    """Return a row's prompt, and its answer: a text, or the items of a listing."""
    task, latent = source.task(next(iter(source.splits))), row.get("latent") or {}
    match task.name:
        case "igsm":
            return row["prompt"], str(latent["answer"])
        case "birthyear":
            return row["prompt"], str(latent["answer"])
        case "cfg":
            return row["prompt"], row["completion"].split()
        case "stories":
            boxes = re.findall(r"the (\w+ box)", row["completion"])
            value = latent["values"][latent["query"]]
            return row["prompt"], boxes if task.params.order_only else str(value)
        case "qa" | "hops" | "history":
            text = row["prompt"] + row["completion"]
            return row["prompt"], "; ".join(text[span["start"] : span["end"]] for span in latent["spans"]["answer"])
    names, ids, spans = source.vocab.names, row["input_ids"], latent.get("spans") or {}
    named = [names[token_id] for token_id in ids]
    match task.name:
        case "mano":
            return ids[:-1], named[-1]
        case "chain":
            return ids[: named.index("?") + 2], str(latent["answer"])
        case "depo":
            first = spans["answer"][0]
            return ids[: first["start"]], " ".join(named[first["start"] : first["end"]])
        case "brevo":
            steps = [" ".join(named[span["start"] : span["end"]]) for span in spans["step"]]
            return ids[: named.index("<ans>")], steps
    cut = row["completion_mask"].index(True)
    return ids[:cut], named[cut:]


def cases(name, kind, book, rows=12):
    """Yield (prompt, what is said, which layout) for every layout of a kind, of one row after the other."""
    source = synthgen.load(name)
    split = next(iter(source.splits))
    table = [(row, *asked(source, row)) for row in source.batch(0, 120, split).to_pylist()]
    taken = itertools.cycle(table[:rows])
    for number, layout in enumerate(layouts(kind, book)):
        row, prompt, answer = next(taken)
        if kind == "solution":
            yield prompt, solution(source, row, answer, layout, number), layout
        elif kind == "listing":
            others = [other for _, _, other in table if other != answer]
            yield prompt, filled(layout, **listing_fields(answer, others[number % len(others)])), layout
        else:
            others = [other for row_, _, other in table if other != answer and kind_of(row_) == kind_of(row)]
            wrong, other = others[0], next((one for one in others if one != others[0]), others[0])
            yield prompt, filled(layout, answer=answer, wrong=wrong, other=other), layout


def kind_of(row):
    """Return what tells one kind of question of a spec from another."""
    latent = row.get("latent") or {}
    return [latent.get(field) for field in ("form", "ask", "target")]


def listing_fields(items, other):
    def joined(those):
        return " ".join(those)

    swapped = [items[-1], *items[1:-1], items[0]]
    if swapped == items:  # as long as it is another one
        swapped = [*items[:-1], next(one for one in [*items, *other] if one != items[-1])]
    return {
        "answer": joined(items),
        "commas": ", ".join(items),
        "arrows": " → ".join(items),
        "bullets": "\n".join(f"- {item}" for item in items),
        "numbered": "\n".join(f"{n}. {item}" for n, item in enumerate(items, 1)),
        "json": json.dumps(items),
        "short": joined(items[:-1]),
        "long": joined([*items, items[0]]),
        "swapped": joined(swapped),
        "junk": joined(other),
    }


# -- solutions ----------------------------------------------------------------------------------------------------------


def igsm_steps(text):
    """Return (name, letter, symbols, numbers) of every step of a solution: calculations in one, names in the place of
    letters."""
    paper = r" Define (.+?) as (\w+); (.+?)\.(?= |$)"
    count = r" Let (?P<l>\w+) be (?P<n>the .+? in each .+?); (.+?)\.(?= |$)"
    matches = re.findall(paper, text) or [(n, letter, ops) for letter, n, ops in re.findall(count, text)]
    names, steps = {}, []
    for name, letter, operations in matches:
        symbols, numbers, partial = "", "", {}
        for operation in operations.split("; "):
            target, *sides = re.sub("^(so|hence) ", "", operation).split(" = ")
            value = sides[-1]
            known = names | partial
            words = sides[0] if len(sides) > 1 else value
            symbols = re.sub(r"[A-Za-z]+", lambda match, known=known: known[match[0]][0], words)
            numbers = re.sub(r"[A-Za-z]+", lambda match, known=known: known[match[0]][1], words)
            partial[target] = (f"({symbols})", f"({numbers})")
        names[letter] = (name, value)
        steps.append((name, letter, symbols, numbers, int(value)))
    return steps


def chain_steps(source, row):
    names = [source.vocab.names[token_id] for token_id in row["input_ids"]]
    text = " ".join(names)
    lines = dict(re.findall(r"(x\d+) := ([^;]+?) ;", text))
    values, steps = {}, []
    for name, value in re.findall(r"define (x\d+) as (\d+) ;", text):
        numbers = re.sub(r"x\d+", lambda match: values[match[0]], lines[name])
        values[name] = value
        steps.append((name, "", lines[name], numbers, int(value)))
    return steps


def story_steps(row):
    """Of boxes: a step's sum in names, in the order of its line, and in numbers."""
    lines, values, steps = {}, {}, []
    for line in re.findall(r"[^.?]+[.?]", row["prompt"])[1:-1]:  # the first sentence is the rule of the modulus
        named, *others = re.findall(r"[Tt]he (\w+ box)", line)
        lines[named] = [*others, re.search(r"\d+", line)[0]]
    for name, value in re.findall(r"the (\w+ box) holds (\d+)", row["completion"]):
        values[name] = value
        steps.append((name, "", " + ".join(lines[name]), " + ".join(values.get(n, n) for n in lines[name]), int(value)))
    return steps


def solution(source, row, answer, layout, number):
    task = source.task(next(iter(source.splits)))
    modulus, text = task.params.modulus, "completion" in row
    steps = {"igsm": lambda: igsm_steps(row["completion"]), "stories": lambda: story_steps(row)}.get(
        task.name, lambda: chain_steps(source, row)
    )()
    given = row["completion"] if text else " ".join(source.vocab.names[i] for i in row["input_ids"]).split(" ? ")[1]
    given = given if text else given.partition(" ")[2]
    fields = [
        {
            "name": name, "letter": letter, "symbols": symbols, "numbers": numbers, "total": eval(numbers),
            "value": value, "modulus": modulus, "wrong": (value + 1) % modulus,
        }
        for name, letter, symbols, numbers, value in steps
    ]  # fmt: skip
    at = {"first": 0, "middle": len(fields) // 2, "last": len(fields) - 1}[layout.get("at", "first")]
    changed = fields[at]
    match layout.get("change"):
        case "value":
            changed["value"] = changed["wrong"]
        case "arithmetic":
            changed["numbers"] = f"1 + {changed['value']}"
        case "missing":
            del fields[at]
        case "twice":
            fields.append({**changed, "value": changed["wrong"], "numbers": changed["wrong"]})
        case "stranger":
            strangers = {"chain": "x999", "stories": next(f"{n} box" for n in BOXES if f"{n} box" not in str(row))}
            name = strangers.get(task.name, "the Unicorns in each Dragon" if " in each " in changed["name"] else "")
            fields.append({**changed, "name": name or "Dragon's Unicorn"})
        case "operand":
            others = [one["symbols"] for one in fields if one is not changed] + [f"5 + {changed['name']}"]
            others = [one for one in others if re.search("[A-Za-z]", one)]
            changed["symbols"] = next(one for one in others if one != changed["symbols"])
    match layout.get("order"):
        case "reversed":
            fields.reverse()
        case "shuffled":
            random.Random(number).shuffle(fields)
    said = [filled(layout.get("step", ""), **one, n=n) for n, one in enumerate(fields, 1)]
    wrong = (int(answer) + 1) % modulus
    return filled(
        layout["whole"], steps=layout.get("join", "\n").join(said), answer=answer, wrong=wrong, given=given,
        modulus=modulus,
    )  # fmt: skip
