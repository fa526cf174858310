"""Second evaluators: each task's definition once more, plainly, and mutated answers to hold the verifiers against them.

An evaluator says whether an answer to a row's prompt is right, from the prompt and the definition alone. It works on the
names of tokens, or on the text, shares nothing with the package's readers and does not care how long it takes: formulas
are compared as polynomials at random places, strings are parsed from the top, graphs are walked.
"""

import functools
import random
import re
import tomllib
from pathlib import Path

import synthgen
from synthgen.train.score import prompt_of

FIELD = 2**61 - 1
MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]


BOXES = tomllib.loads(Path(synthgen.__file__).with_name("tasks").joinpath("stories/packs/boxes.toml").read_text())[
    "names"
]


def words(tokens, at, longest, shortest=1):
    """Return the name that begins at tokens[at], `s1 s0.`, and where it ends; (None, at) if none does."""
    for end in range(at, min(len(tokens), at + longest)):
        if not re.fullmatch(r"s\d+\.?", tokens[end]):
            break
        if tokens[end].endswith("."):
            return (tuple(tokens[at : end + 1]), end + 1) if end + 1 - at >= shortest else (None, at)
    return None, at


def copy(task, prompt, said):
    return prompt[-1] == "<copy>" and said == prompt[:-1]


def recall(task, prompt, said):
    tokens, n = [*prompt, *said], task.params.pairs
    known = dict(zip(tokens[0 : 2 * n : 2], tokens[1 : 2 * n : 2], strict=True))
    queries = list(zip(tokens[2 * n :: 2], tokens[2 * n + 1 :: 2], strict=False))
    return (
        len(tokens) == 4 * n
        and sorted(q for q, _ in queries) == sorted(known)
        and all(known[q] == v for q, v in queries)
    )


def mano(task, prompt, said):
    tokens, modulus = [*prompt, *said], task.params.modulus
    operations = int(re.fullmatch(r"<len(\d+)>", tokens[0])[1])
    if len(tokens) != 2 * operations + 4 or tokens[-2] != f"<ans{operations}>" or not said:
        return False
    stack = []
    for token in reversed(tokens[1:-2]):
        if token.isdecimal():
            stack.append(int(token))
        elif token not in ("+", "-", "*", "/") or len(stack) < 2:
            return False
        else:
            a, b = stack.pop(), stack.pop()
            if token == "/" and b == 0:
                return False
            stack.append({"+": a + b, "-": a - b, "*": a * b, "/": a * pow(b, modulus - 2, modulus)}[token] % modulus)
    return len(stack) == 1 and tokens[-1] == str(stack[0])


def depo(task, prompt, said):
    shortest, longest = task.params.name_tokens
    name = functools.partial(words, longest=longest, shortest=shortest)
    edges, at = {}, 0
    while not re.fullmatch(r"<\d+>", prompt[at]):
        at += prompt[at] == "<edge>"
        tail, at = name(prompt, at)
        edges[tail], at = name(prompt, at)
    tokens, right, queries = [*prompt, *said], True, 0
    while at < len(tokens) and re.fullmatch(r"<\d+>", tokens[at]):
        steps = int(tokens[at][1:-1])
        node, end = name(tokens, at + 1)
        if node not in edges or tokens[end : end + 1] != ["<ans>"]:
            return False
        answer, at = name(tokens, end + 1)
        for _ in range(steps):
            node = edges[node]
        right, queries = right and answer == node, queries + 1
    at += bool(task.params.ends and tokens[at:] == ["<end>"])
    return right and at == len(tokens) and 0 < queries <= min(len(edges), task.params.queries)


def brevo(task, prompt, said):
    shortest, longest = task.params.name_tokens
    name = functools.partial(words, longest=longest, shortest=shortest)
    parents, at = {}, 0
    while prompt[at] != "<query>":
        if prompt[at] == "<leaf>":
            node, at = name(prompt, at + 1)
            parents.setdefault(node, set())
            continue
        parent, at = name(prompt, at)
        node, at = name(prompt, at)
        parents.setdefault(parent, set())
        parents.setdefault(node, set()).add(parent)
    query, _ = name(prompt, at + 1)
    needed, new = {query}, {query}
    while new:
        new = {parent for node in new for parent in parents[node]} - needed
        needed |= new
    if said[:1] != ["<ans>"] or said[-1:] != ["<end>"] or len(said) < 2:
        return False
    listed, at = [], 1
    while at < len(said) - 1:
        node, at = name(said[:-1], at)
        if node not in needed or node in listed or not parents[node] <= set(listed):
            return False
        listed.append(node)
    return set(listed) == needed


def stories(task, prompt, said):
    """Of the pack of boxes."""
    modulus, taught, box = task.params.modulus, "retry" in task.params.model_fields_set, r"[Tt]he (\w+) box"
    *lines, asked = re.findall(r"[^.?]+[.?]", prompt)[modulus > 1 :]  # the first says that values count modulo m
    needs, number = {}, {}
    for line in lines:
        named, *others = re.findall(box, line)
        needs[named] = others
        number[named] = int(re.search(r"\d+|$", line)[0] or 0)
    query, known, last, back = re.search(box, asked)[1], {}, "", 0
    needed = [query]
    for thing in needed:
        needed += [parent for parent in needs[thing] if parent not in needed]
    said = " " + said.strip(" \t\r\n").removesuffix(".") + "."
    sentences = re.findall(r"[^.]*\.", said)
    if "".join(sentences) != said:
        return False
    for sentence in sentences:
        thing = last = (re.search(box, sentence) or ["", ""])[1]
        begun = f" Now the {thing} box holds" if modulus > 1 else f" Open the {thing} box"
        if sentence == f"{begun} -- no, too early." and thing in BOXES[: task.params.names]:
            back, last = back + 1, ""
            if back > (max(16, len(lines)) if taught else 1):
                return False
            continue
        back *= not taught
        if thing not in needed or thing in known or not set(needs[thing]) <= set(known):
            return False
        known[thing] = (number[thing] + sum(known[parent] for parent in needs[thing])) % modulus
        held = f" {known[thing]} marble{'s' * (known[thing] != 1)}" * (modulus > 1)
        if sentence != f"{begun}{held}.":
            return False
    return last == query


def chain(task, prompt, said):
    cut = prompt.index("?") + 2
    text, said, modulus = " ".join(prompt[:cut]), [*prompt[cut:], *said], task.params.modulus
    lines = dict(re.findall(r"(x\d+) := ([^;]+) ;", text))
    query, known, last, back, taught = prompt[cut - 1], {}, "", 0, "retry" in task.params.model_fields_set
    if len(said) % 5 or not said:
        return False
    for at in range(0, len(said), 5):
        sentence = " ".join(said[at : at + 5])
        match = re.fullmatch(r"define (x\d+) as (\d+|BACK) ;", sentence)
        if match is None:
            return False
        last, value = match[1], match[2]
        if value == "BACK":
            back, last = back + 1, ""
            if back > (max(16, len(lines)) if taught else 1):
                return False
            continue
        back *= not taught
        if last not in lines or last in known:
            return False
        parts = lines[last].split(" ")
        if len(parts) == 1:
            right = int(parts[0])
        elif parts[0] not in known:
            return False
        else:
            a, sign, b = known[parts[0]], parts[1], int(parts[2])
            right = {"+": a + b, "-": a - b, "*": a * b}[sign] % modulus
        if int(value) != right:
            return False
        known[last] = right
    return last == query


def cfg(task, prompt, said):
    """The tokens by name; what a symbol can end at, from every place, worked out from the top."""
    tokens, grammar = [*prompt, *said], task.grammar

    @functools.cache
    def ends(symbol, at):
        if symbol not in grammar.rules:
            return {at + 1} if at < len(tokens) and tokens[at] == grammar.symbol(symbol) else set()
        reached = set()
        for rule in grammar.rules[symbol]:
            places = {at}
            for child in rule.children:
                places = {end for place in places for end in ends(child, place)}
            reached |= places
        return reached

    return len(tokens) in ends(grammar.root, 0)


def qa(task, row, said):
    text, lists, spans = row["prompt"] + row["completion"], task.lists, row["latent"]["spans"]
    said, hinting = said.strip(" \t\r\n").removesuffix("."), ("classify", "compare", "subtract", "retrieve.day")
    parts = said.split("; ")
    if task.params.fidelity == "paper" and row["latent"]["form"].startswith(hinting):
        hints, full_stop, last = said.rpartition(". ")
        parts = [*(hints.split("; ") if full_stop else []), *last.split("; ")]
    if row["latent"]["form"].startswith("inverse"):
        names = [task.reader.world.name(person) for person in row["latent"]["answers"]]
        first = ".first" in row["latent"]["form"]
        return len(parts) == 1 and parts[0] in ([name.split(" ")[0] for name in names] if first else names)
    answer = [text[span["start"] : span["end"]] for span in spans["answer"]]
    hint, family = parts[: -len(answer)], row["latent"]["form"]
    if parts[-len(answer) :] != answer:
        return False
    kinds = {"month": MONTHS, "major": lists.major, "day": [str(day) for day in range(1, 100)]}
    kind = family.split(".")[1].split("_")[0] if family.startswith(("classify", "compare", "subtract")) else ""
    hints = (1 + family.startswith(("compare", "subtract"))) * bool(kind)
    if family in ("retrieve.month", "retrieve.day", "retrieve.year"):
        return not hint or (len(hint) == 1 and bool(re.fullmatch(r"[A-Z][a-z]+ [1-9][0-9]?, [0-9]{4}", hint[0])))
    return not hint or (len(hint) == hints and all(one in kinds[kind] for one in hint))


def hops(task, row, said):
    """The answer of the row, as its style has it; what closes JSON may be left out."""
    text, (span,) = row["prompt"] + row["completion"], row["latent"]["spans"]["answer"]
    answer, said = text[span["start"] : span["end"]], said.strip(" \t\r\n")
    around = {"sentence": ("{}", "{}."), "triple": ("{}",)}.get(row["latent"]["style"])
    around = around or [f"{quote}{{}}{end}" for quote in ("", '"') for end in ("", '"', "}}", '"}}')]
    return said in [form.format(answer) for form in around]


def history(task, row, said):
    """The answer of the row, whatever space and full stop are around it."""
    text, (span,) = row["prompt"] + row["completion"], row["latent"]["spans"]["answer"]
    return said.strip(" \t\r\n").removesuffix(".") == text[span["start"] : span["end"]]


def birthyear(task, prompt, said):
    """Who is asked about, and what the text says of them, until that is a year."""
    facts = dict(re.findall(r"(\S+ \S+ \S+)(?:'s birth year is | has the same birth year as )([^.]+)\.", prompt))
    at = re.search(r"\n\nWhat is the birth year of (.*)\? Answer:", prompt)[1]
    while at in facts:
        at = facts[at]
    return said.strip(" \t\r\n").removesuffix(".") == at


# -- iGSM ---------------------------------------------------------------------------------------------------------------

NAME = r"[A-Z][A-Za-z]*(?: [A-Z][A-Za-z]*)*"
NUMBER = r"(?:0|[1-9][0-9]*)"
LETTERS = r"(?:[A-Za-z]|[A-Z][a-z])"
SIDE = rf"(?:{LETTERS}|{NUMBER})"
OPERATION = re.compile(
    rf"({LETTERS}) = (?:({SIDE}) ([+*-]) ({SIDE}) = ({NUMBER}) ([+*-]) ({NUMBER}) = |({LETTERS}) = )?({NUMBER})"
)


def of(sign, a, b, modulus):
    return (a + b if sign == "+" else a - b if sign == "-" else a * b) % modulus


class IgsmProblem:
    """A problem in the papers' wording, and its formulas at a random place: each parameter and literal a number."""

    def __init__(self, world, prompt, seed=0):
        self.level, self.chain, self.one = {}, {}, {}
        for chain, categories in enumerate(world.categories):
            for depth, (name, many) in enumerate(categories):
                self.level[name], self.one[many] = depth, name
                self.chain[name] = chain
                for group in world.names[chain][depth]:
                    for one, several in group:
                        self.level[one], self.one[several] = depth, one
                        self.chain[one] = chain
        self.facts = {}
        for owner, target, rest in re.findall(rf"The number of each ({NAME})'s ({NAME}) equals ([^.]+)\.", prompt):
            self.facts[owner, target] = rest
        many, owner = re.search(rf"How many ({NAME}) does each ({NAME}) have\?", prompt).groups()
        self.query = owner, self.one[many]
        deepest = max(self.level[target] for _, target in self.facts)
        here = self.chain[next(iter(self.facts))[0]]
        self.categories = {name for name, _ in world.categories[here][: deepest + 1]}
        self.items = {name for pair in self.facts for name in pair}
        self.items |= {
            owner,
            *(a for rest in self.facts.values() for a, _ in re.findall(rf"each ({NAME})'s ({NAME})", rest)),
        }
        draw = random.Random(f"{seed} {prompt}")
        self.at = functools.cache(lambda thing: draw.randrange(FIELD))

    def exists(self, parameter):
        item, target = parameter
        if target in self.categories:
            return item in self.items - self.categories and self.level[item] < self.level[target]
        return parameter in self.facts

    def sums(self, parameter):
        """Return what an abstract parameter is: a list of products of parameters, to be added up."""
        item, category = parameter
        children = [target for owner, target in self.facts if owner == item]
        if self.level[category] - self.level[item] == 1:
            return [[(item, child)] for child in children]
        return [[(item, child), (child, category)] for child in children]

    def needs(self, parameter):
        if parameter in self.facts:
            return re.findall(rf"each ({NAME})'s ({NAME})", self.facts[parameter])
        return [one for product in self.sums(parameter) for one in product]

    def value(self, parameter, of_parameter, of_number, modulus):
        """Return a parameter's formula, worked out with the values of parameters and of literal numbers."""
        if parameter not in self.facts:
            products = self.sums(parameter)
            if not products:
                return of_number(0)
            total = 0
            for product in products:
                value = 1
                for one in product:
                    value = value * of_parameter(one) % modulus
                total += value
            return total % modulus
        rest = self.facts[parameter]
        if re.fullmatch(NUMBER, rest):
            return of_number(int(rest))
        cited = [of_parameter(one) for one in self.needs(parameter)]
        value = cited[0] - cited[1] if "difference of" in rest else sum(cited)
        literal = re.match(rf"({NUMBER}) (more than|times as much as) ", rest)
        if literal:
            number = of_number(int(literal[1]))
            value = value + number if literal[2] == "more than" else value * number
        return value % modulus


def igsm(task, prompt, said):
    """Blanks around an answer and its final full stop are nobody's merit."""
    said = " " + said.strip(" \t\r\n").removesuffix(".") + "."
    modulus, retracts = task.params.modulus, task.params.retry is not None
    problem = _problem(task, prompt)
    match = re.fullmatch(rf" ((?:.*)\.) Answer: ({NUMBER})\.", said)
    if match is None:
        return False
    defined, letters, last, back = {}, {}, None, 0  # letters: (value, place; None of a part) by letter
    everything = len(problem.facts) + sum(
        problem.exists((item, category)) for item in problem.items for category in problem.categories
    )
    for step in match[1][:-1].split(". "):
        head = re.fullmatch(rf"Define ({NAME})'s ({NAME}) as ([A-Za-z]+)(; .*)?", step)
        if head is None:
            return False
        parameter = head[1], head[2]
        if head[3] == "BACK" and head[4] is None:
            back, last = back + 1, None
            if back > (max(16, everything) if retracts else 1):
                return False
            continue
        back, last = back * (not retracts), parameter
        if head[4] is None or not problem.exists(parameter) or parameter in defined:
            return False
        if any(other not in defined for other in problem.needs(parameter)):
            return False
        operations = head[4][2:].split("; ")
        if not operations[-1].startswith("so "):
            return False
        operations[-1] = operations[-1][3:]
        own = {}
        for number, text in enumerate(operations):
            operation = OPERATION.fullmatch(text)
            if operation is None:
                return False
            letter, a, sign, b, x, shown, y, copied, result = operation.groups()
            final = number == len(operations) - 1
            if letter in letters or letter in own or (letter == head[3]) != final:
                return False

            def side(text, own=own, letters=letters):
                if text.isdecimal():
                    return int(text), problem.at(int(text))
                known = own.get(text) or letters.get(text)
                return known if known and known[1] is not None else None

            if sign:
                sides = side(a), side(b)
                if None in sides or [x, shown, y] != [str(sides[0][0]), sign, str(sides[1][0])]:
                    return False
                if int(result) != of(sign, sides[0][0], sides[1][0], modulus):
                    return False
                own[letter] = int(result), of(sign, sides[0][1], sides[1][1], FIELD)
            elif copied:
                known = side(copied)
                if known is None or known[0] != int(result):
                    return False
                own[letter] = known
            else:
                own[letter] = int(result), problem.at(int(result))
        if own[head[3]][1] != problem.value(parameter, problem.at, problem.at, FIELD):
            return False
        if own[head[3]][0] != problem.value(parameter, defined.get, int, modulus):
            return False
        letters |= dict.fromkeys(own, (0, None)) | {head[3]: (own[head[3]][0], problem.at(parameter))}
        defined[parameter] = own[head[3]][0]
    return last == problem.query and defined[last] == int(match[2])


@functools.lru_cache(maxsize=512)
def _problem(task, prompt):
    return IgsmProblem(task.world, prompt)


# -- mutations ----------------------------------------------------------------------------------------------------------

STRANGE = (
    "²",
    "٣",
    "１",
    "007",
    "-1",
    "BACK",
    "; ",
    ". ",
    " ",
    "+",
    "-",
    "*",
    "=",
    "so",
    "0",
    "1",
    "\u00a0",
    "x",
    "Answer",
)


def mutated(generator, parts, others):
    """Return parts (tokens, or pieces of a text) changed in a few places, with parts of `others` or of themselves."""
    parts = list(parts)
    for _ in range(generator.choice((0, 1, 1, 1, 2, 3))):
        at = generator.randrange(len(parts) + 1)
        upto = min(len(parts), at + generator.choice((1, 1, 2, 5)))
        match generator.randrange(7):
            case 0 | 1:
                parts[at:upto] = generator.choices(others, k=upto - at)
            case 2:
                del parts[at:upto]
            case 3:
                parts[at:at] = generator.choices(others, k=generator.choice((1, 1, 2)))
            case 4:
                parts[at:at] = parts[at:upto]
            case 5 if len(parts) > 1:
                a, b = generator.sample(range(len(parts)), 2)
                parts[a], parts[b] = parts[b], parts[a]
            case 6:
                del parts[at:]
    return parts


def pieces(text):
    return re.findall(r"[A-Za-z']+|[0-9]+|\W|.", text)


EVALUATORS = {
    "copy-tiny": copy,
    "recall-tiny": recall,
    "mano-tiny": mano,
    "depo1-tiny": depo,
    "depo2-tiny": depo,
    "brevo1-tiny": brevo,
    "brevo2-tiny": brevo,
    "brevo-open": brevo,
    "chain-retry50": chain,
    "stories-boxes": stories,
    "stories-retry30": stories,
    "cfg3b": cfg,
    "igsm-med-qp": igsm,
    "igsm-med-retry50": igsm,
    "igsm-open-retry50": igsm,
    "qa-extract": qa,
    "know-retrieve-dual": qa,
    "know-retrieve-year": qa,
    "know-classify-month": qa,
    "know-compare-month": qa,
    "know-compare-day": qa,
    "know-subtract-major": qa,
    "know-inverse-name": qa,
    "relations-2hop": hops,
    "relations-3hop": hops,
    "history-questions": history,
    "birthyear-5-1": birthyear,
    "birthyear-3-2": birthyear,
}
"""An evaluator of every task whose answers are judged, by specs; a mixture's is its components'."""


def asked(row):
    """Return a row's prompt; of rows that are trained on whole, all but the last few tokens."""
    if "prompt" in row or "completion_mask" in row:
        return prompt_of(row)
    return row["input_ids"][: -min(8, len(row["input_ids"]) // 5 or 1)]


def answers(name, number, seed=0, rows=60):
    """Yield (source, split, prompt, completion, whether an evaluator finds it right): right ones, and changed ones."""
    source, right = synthgen.load(name), EVALUATORS[name]
    split = next(iter(source.splits))
    task, generator = source.task(split), random.Random(f"{seed} {name}")
    start = rows * (seed % 50)
    table = source.batch(start, start + rows, split).to_pylist()
    for _ in range(number):
        row, other = generator.sample(table, 2)
        prompt = asked(row)
        if "prompt" in row:
            said = "".join(mutated(generator, pieces(row["completion"]), [*pieces(other["completion"]), *STRANGE]))
            yield source, split, prompt, said, right(task, row if right in (qa, hops, history) else prompt, said)
        else:
            names, ids = source.vocab.names, list(source.vocab.names)
            said = mutated(
                generator, row["input_ids"][len(prompt) :], [*other["input_ids"], *row["input_ids"], *ids[:40]]
            )
            named = [[names[token_id] for token_id in part] for part in (prompt, said)]
            while named[1] and named[1][-1] in ("<eos>", "<pad>"):  # where a model stopped
                named[1].pop()
            yield source, split, prompt, said, right(task, *named)


def disagreements(name, number, seed=0, rows=60):
    """Return the answers of which a verifier and an evaluator disagree, and how many of all were right."""
    wrong, rights = [], 0
    for source, split, prompt, said, right in answers(name, number, seed, rows):
        verdict = source.verify(prompt, said, split=split)
        rights += right
        if verdict.correct != right or (verdict.score == 1) != right:
            wrong.append((name, prompt, said, right, verdict.reason))
    return wrong, rights
