"""Write docs/specs.md, api.md, contract.md, fidelity.md and the table of `synthgen list` from the package: `make docs`.

docs/findings.md and its pictures are written by docs/scoreboard.py beside this one. In all pages, the words of pictures
of cards become those of `cards/gallery`.

Every page is a function from what the package says to Markdown, so a test can tell whether the file is fresh.
"""

import ast
import dataclasses
import enum
import functools
import inspect
import json
import re
import sys
import textwrap
import tomllib
from collections.abc import Mapping
from pathlib import Path

import synthgen
import synthgen.task
from synthgen.cli.entropies import ENTROPIES, entry_of, table_of
from synthgen.cli.listing import LISTING, listed
from synthgen.exact.bits import stated_bits
from synthgen.exact.entropy import text_entry
from synthgen.publish.collection import write_shipped
from synthgen.publish.papers import PAPERS
from synthgen.spec.spec import shipped_specs, specs_folder
from synthgen.task import contract
from synthgen.task.fidelity import Deviation, flags_of
from synthgen.task.foreign import read_toml
from synthgen.tasks import task_class, task_names

DOCS = Path(__file__).parent
GENERATED = "<!-- Written by `make docs` from the package; do not edit. -->\n"
SPLITS_SHOWN = 3


# -- specs ------------------------------------------------------------------------------------------------------------


def specs_page(entries: list[dict]) -> str:
    """Return the page of all shipped specs; `entries` is what `synthgen list --json` prints."""
    lines = [
        "# The shipped specs\n",
        GENERATED,
        "`synthgen show SPEC` prints rows of a spec, `synthgen entropy SPEC` its bits by book; each name leads to its",
        "card. Bits are those of the text of a row of the first split: exact, or between two ends. These",
        "hold the truth always (proved), or but for a chance of some millionths (empirical-bernstein: from a sample).",
    ]
    for name in dict.fromkeys(entry["task"] for entry in entries):
        task = task_class(name)
        families = dict.fromkeys(entry["family"] for entry in entries if entry["task"] == name)
        lines += [f"\n## `{name}`\n", first_paragraph(task), f"Difficulty counts {task.difficulty}."]
        lines += [f"Of the {'families' if len(families) > 1 else 'family'} {', '.join(map(_family_link, families))}.\n"]
        lines += ["| spec | what | bits a row | how they are known | rows by split | format | paper |"]
        lines += ["|---|---|---:|---|---|---|---|"]
        lines += [_spec_line(entry) for entry in entries if entry["task"] == name]
    return "\n".join(lines) + "\n"


def _family_link(family: str) -> str:
    """Return a family as a link to its page, which has its name as its title."""
    pages = {page.read_text("utf-8").splitlines()[0]: page for page in (DOCS / "families").glob("*.md")}
    return f"[{family}](families/{pages[f'# {family}'].name})"


def _spec_line(entry: dict) -> str:
    splits = [f"{name} {rows:,}" if rows else f"{name} endless" for name, rows in entry["splits"].items()]
    more = [f"{len(splits) - SPLITS_SHOWN} more"] if len(splits) > SPLITS_SHOWN else []
    cells = [
        f"[`{entry['name']}`](../cards/gallery/{entry['name']}/README.md)",
        entry["title"],
        stated_bits(text_entry(entry)),
        _known(text_entry(entry)),
        ", ".join(splits[:SPLITS_SHOWN] + more),
        entry["row_format"],
        entry["paper"],
    ]
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"


def _known(text: Mapping) -> str:
    """Return how the bits of a text are known: exact, or the method of the bracket and its width."""
    if text["status"] == "exact":
        return "exact"
    width = f"{100 * (text['high'] - text['low']) / text['high']:.2g} % wide"
    rows = f", {text['n']:,} rows" if text["n"] else ""
    return f"{text['method']}{rows}; {width}"


# -- the public names -------------------------------------------------------------------------------------------------


def api_page() -> str:
    """Return the page of `synthgen.__all__` and `synthgen.task.__all__`: signatures and first paragraphs."""
    lines = ["# The public names\n", GENERATED]
    lines += [
        "What programs and tasks of other packages are written against. Modules that have moved are found under their"
    ]
    lines += ["old names until 1.0, with a warning that says where they are now (`synthgen/moved.py`).\n"]
    lines += ["## From Python: `import synthgen`\n"]
    for name in synthgen.__all__:
        lines += _entry(f"synthgen.{name}", getattr(synthgen, name))
    lines += ["## For a task of your own: `from synthgen.task import ...`\n"]
    lines += ["What a task must have is in [contract.md](contract.md), how to add one in CONTRIBUTING.md.\n"]
    for name in synthgen.task.__all__:
        lines += _entry(name, getattr(synthgen.task, name), members=name != "Task")
    return "\n".join(lines).rstrip() + "\n"


def _entry(name: str, thing: object, members: bool = True) -> list[str]:
    if not (inspect.isclass(thing) or inspect.isroutine(thing)):
        return [f"### `{name}`\n", f"```python\n{name} = {_assigned(thing)}\n```\n"]
    lines = [f"### `{name}`\n", f"```python\n{name}{_signature(thing)}\n```\n", first_paragraph(thing) + "\n"]
    if not (inspect.isclass(thing) and members):
        return lines
    if issubclass(thing, enum.Enum):
        return [*lines, *(f"- `{one.name}` = `{one.value!r}`" for one in thing), ""]
    lines += _fields(thing)
    methods = [_member(key, value) for key, value in vars(thing).items() if not key.startswith("_")]
    return [*lines, *filter(None, methods), ""] if any(methods) else lines


def _assigned(thing: object) -> str:
    """Return a constant or an alias of a type as it would be written."""
    return str(thing).removeprefix("typing.").replace("'", '"')


def _fields(thing: type) -> list[str]:
    """Return the fields of a dataclass as they stand in the source, with shapes, units and comments."""
    if not dataclasses.is_dataclass(thing):
        return []
    source = inspect.getsource(thing).splitlines()
    (declared,) = ast.parse(textwrap.dedent("\n".join(source))).body
    assert isinstance(declared, ast.ClassDef)
    shown = [node for node in declared.body if isinstance(node, ast.AnnAssign | ast.Expr)]
    shown = [node for node in shown if node is not declared.body[0] and not _is_private(node)]
    text = [source[k].strip() for node in shown for k in range(node.lineno - 1, node.end_lineno or node.lineno)]
    return ["```python\n" + "\n".join(text) + "\n```\n"] if text else []


def _is_private(node: ast.AST) -> bool:
    return isinstance(node, ast.AnnAssign) and ast.unparse(node.target).startswith("_")


def _member(name: str, value: object) -> str:
    """Return the line of a method or property that says what it does; nothing for the rest."""
    if isinstance(value, classmethod):
        value = value.__func__
    if isinstance(value, property | functools.cached_property):
        return f"- `{name}`: {_joined(value.__doc__ or '')}"
    if inspect.isfunction(value):
        return f"- `{name}{_signature(value, bound=True)}`: {_joined(value.__doc__ or '')}"
    return ""


class _Bare(str):
    """An annotation that shows as it was written, without quotes."""

    def __repr__(self) -> str:
        return str(self)


def _signature(thing: object, bound: bool = False) -> str:
    """Return (arguments) -> result; "" for exceptions, enumerations and protocols, which have no arguments to know."""
    if inspect.isclass(thing) and (issubclass(thing, Exception | enum.Enum) or getattr(thing, "_is_protocol", False)):
        return ""
    signature = inspect.signature(thing)
    parameters = list(signature.parameters.values())[1 if bound else 0 :]
    bare = lambda note: _Bare(note) if isinstance(note, str) else note  # noqa: E731
    return str(
        signature.replace(
            parameters=[one.replace(annotation=bare(one.annotation)) for one in parameters],
            return_annotation=inspect.Signature.empty if inspect.isclass(thing) else bare(signature.return_annotation),
        )
    )


def first_paragraph(thing: object) -> str:
    """Return the first paragraph of a docstring, on one line."""
    return _joined(inspect.getdoc(thing) or "")


def _joined(text: str) -> str:
    return " ".join(text.strip().partition("\n\n")[0].split())


# -- the contract -----------------------------------------------------------------------------------------------------


def blocks() -> dict[str, list[str]]:
    """Return the members that the docstring of `Task` lists, by block."""
    text = re.sub(r"\n {8,}", " ", contract.Task.__doc__.partition("\n\n")[2].partition("\n\n")[0])
    pairs = [re.split(r" {2,}", line.strip(), maxsplit=1) for line in text.splitlines()]
    return {block: members.replace(" ", "").split(",") for block, members in pairs}


def members() -> dict[str, str]:
    """Return what `Task` says of each public member, as Markdown: signature, default, and its whole docstring."""
    (body,) = [
        node.body
        for node in ast.parse(inspect.getsource(contract)).body
        if isinstance(node, ast.ClassDef) and node.name == "Task"
    ]
    said = {}
    for node, after in zip(body, [*body[1:], None], strict=True):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            text = after.value.value if isinstance(after, ast.Expr) else ""
            said[node.target.id] = _item(ast.unparse(node), " No default." if node.value is None else "", text)
        elif isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            said[node.name] = _item(*_call(node), ast.get_docstring(node) or "")
    return said


def _call(node: ast.FunctionDef) -> tuple[str, str]:
    """Return a method as it is called, and what it does where a task does not have its own."""
    kinds = {ast.unparse(one) for one in node.decorator_list}
    node.args.args = node.args.args[1:]
    result = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    if kinds & {"property", "cached_property"}:
        call = f"{node.name}{result}"
    else:
        call = f"{node.name}({re.sub(r'(?<=[^ ])=(?=[^ ])', ' = ', ast.unparse(node.args))}){result}"
    last = node.body[-1]
    if isinstance(last, ast.Raise):
        return call, " No default." if "NotImplementedError" in ast.unparse(last) else " Default: refuses."
    single = len(node.body) == 2 and isinstance(last, ast.Return) and last.value is not None
    return call, f" Default: `{ast.unparse(last.value)}`." if single else ""


def _item(call: str, default: str, text: str) -> str:
    first, *rest = inspect.cleandoc(text).split("\n\n")
    paragraphs = [" ".join(first.split()) + default, *(" ".join(one.split()) for one in rest)]
    return f"- `{call}`\n\n" + "\n\n".join(f"  {one}" for one in paragraphs) + "\n"


def contract_page() -> str:
    """Return the page of `synthgen.task.Task`: every member in its block."""
    first, *rest = inspect.cleandoc(contract.__doc__).split("\n\n")
    promises = inspect.cleandoc(contract.Task.__doc__).split("\n\n")[2:]
    lines = ["# The task contract\n", GENERATED, first, "", *rest, ""]
    lines += [promises[0], "", "| promise | what the contract test demands |", "|---|---|"]
    lines += ["| `{}` | {} |".format(*re.split(" {2,}", line, maxsplit=1)) for line in promises[1].splitlines()]
    said = members()
    for block, names in blocks().items():
        lines += [f"## {block}\n", *(said[name] for name in names)]
    return "\n".join(lines).rstrip() + "\n"


# -- fidelity ---------------------------------------------------------------------------------------------------------


def fidelity_page() -> str:
    """Return the page of what the papers' data have, what differs here, and what is left out.

    What differs is what tasks and specs declare; the rest stands in `docs/fidelity.toml`.
    """
    lines = ["# Fidelity: the papers, their released code, and these rows\n", GENERATED]
    lines += ["What the papers' data have and where it is here; what differs, and which params decide it; what is left"]
    lines += ["out, and why. Every card says the same of its own params. How near the figures come: the spot checks"]
    lines += ["at the end.\n"]
    table = tomllib.loads((DOCS / "fidelity.toml").read_text("utf-8"))
    for part in table["part"]:
        lines += [f"## {PAPERS[part['arxiv']].full_title}\n", "| | | |", "|---|---|---|"]
        lines += [f"| has | {what} | {_where(where)} |" for what, where in part["has"]]
        lines += [f"| differs | {what} | {how} |" for what, how in part.get("differs", ())]
        lines += [f"| left out | {what} | {why} |" for what, why in part["left_out"]]
        lines += [""]
    lines += ["## What differs, by task\n", "*Here* is what the shipped specs have.\n"]
    specs = {name: read_toml(specs_folder() / f"{name}.toml") for name in shipped_specs()}
    for name in task_names():
        declared = [one for one in task_class(name).deviations if isinstance(one, Deviation)]
        if declared:
            shipped = [params for spec in specs.values() if spec["task"] == name for params in _params_of(spec)]
            lines += [f"### `{name}`\n", "| what | in the paper | in the released code | here | decided by |"]
            lines += ["|---|---|---|---|---|", *(_deviation_line(one, shipped) for one in declared), ""]
    lines += ["## What differs in single specs\n"]
    lines += [f"- `{name}`: {one}" for name, spec in specs.items() for one in spec.get("deviations", ())]
    lines += ["\n## Spot checks\n", "`python tests/spot_checks.py` measures these again.\n"]
    lines += ["| what | paper | here | |", "|---|---:|---:|---|"]
    lines += ["| {what} | {paper} | {here} | {why} |".format(**line) for line in table["check"]]
    return "\n".join(lines).rstrip() + "\n"


def _params_of(spec: dict) -> list:
    """Return the params of each split of a spec as it is written, without making its task, which takes longer."""
    model, base = task_class(spec["task"]).Params, spec.get("params", {})
    return [model.model_validate(base | split.get("params", {})) for split in spec["splits"].values()]


def _where(where: str | list[str]) -> str:
    if isinstance(where, list):
        return ", ".join(f"`{spec}`" for spec in where)
    task, _, params = where.partition(": ")
    return where if not params else f"task `{task}`: " + ", ".join(f"`{name}`" for name in params.split(", "))


def _deviation_line(deviation: Deviation, shipped: list) -> str:
    here = dict.fromkeys(filter(None, (deviation.here(params) for params in shipped)))
    cells = [
        deviation.subject,
        deviation.paper or "-",
        deviation.released or "-",
        "; ".join(here) or "no spec",
        flags_of(deviation) or "-",
    ]
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"


# -- pictures of cards ------------------------------------------------------------------------------------------------

PICTURE = re.compile(r"^!\[.*\]\(((?:\.\./)+cards/gallery/([\w-]+)/(pictures/\w+\.svg))\)$", re.M)


def told_as_cards() -> dict[Path, str]:
    """Return the pages with pictures of cards; what they tell whoever cannot see one is what its card tells."""
    pages = {path: path.read_text("utf-8") for path in DOCS.rglob("*.md")}
    return {path: PICTURE.sub(_told, text) for path, text in pages.items() if PICTURE.search(text)}


def _told(found: re.Match[str]) -> str:
    path, name, picture = found.groups()
    card = (DOCS.parent / "cards" / "gallery" / name / "README.md").read_text("utf-8")
    words = re.search(rf"^!\[(.*)\]\({re.escape(picture)}\)$", card, re.M)
    return f"![{words[1]}]({path})" if words else found[0]


def main() -> None:
    """Write the pages, the scoreboard of findings, and the tables of shipped specs and of their entropies."""
    entries = listed(shipped_specs())
    LISTING.write_text(json.dumps(entries, indent=1) + "\n", encoding="utf-8")
    first = {entry["name"]: next(iter(entry["splits"])) for entry in entries}
    entropies = {}
    for name, split in first.items():
        source = synthgen.load(name)
        laws = [sampling.digest for sampling in source.task(split).samplings()]
        entropies[name] = entry_of(source.entropy(split), laws)
    ENTROPIES.write_text(table_of(entropies), encoding="utf-8")
    pages = {"specs": specs_page(entries), "api": api_page(), "contract": contract_page(), "fidelity": fidelity_page()}
    for name, text in pages.items():
        (DOCS / f"{name}.md").write_text(text, encoding="utf-8")
    for path, text in told_as_cards().items():
        path.write_text(text, encoding="utf-8")
    write_shipped()
    sys.path.insert(0, str(DOCS))
    import scoreboard

    scoreboard.write()


if __name__ == "__main__":
    main()
