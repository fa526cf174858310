"""Solutions with one fault, consistent otherwise: every later value is recomputed, as a careful but wrong solver would."""

import re

OPERATION = re.compile(r"(\S+) ([+*-]) (\S+)")


def split(completion):
    """Return a solution's steps, each (head, [(letter, symbols or "", result)])."""
    body = completion[1:].rsplit(". Answer: ", 1)[0]
    steps = []
    for text in body.split(". "):
        head, *parts = text.split("; ")
        parts[-1] = parts[-1].removeprefix("so ")
        operations = []
        for part in parts:
            letter, *middle, result = part.split(" = ")
            operations.append((letter, middle[0] if middle else "", int(result)))
        steps.append((head, operations))
    return steps


def join(steps, modulus=23, stale=None):
    """Return the text of steps with all values computed anew; `stale` = (step, operation, letter, value) is used wrongly."""
    values, texts = {}, []
    for i, (head, operations) in enumerate(steps):
        parts = []
        for k, (letter, symbols, result) in enumerate(operations):
            match = OPERATION.fullmatch(symbols)

            def value(side, i=i, k=k):
                if stale and stale[:3] == (i, k, side):
                    return stale[3]
                return int(side) if side.isdigit() else values.get(side, 0)

            if match:
                a, b = value(match[1]), value(match[3])
                result = (a + b if match[2] == "+" else a - b if match[2] == "-" else a * b) % modulus
                shown = f"{letter} = {symbols} = {a} {match[2]} {b} = {result}"
            elif symbols:
                result = value(symbols)
                shown = f"{letter} = {symbols} = {result}"
            else:
                shown = f"{letter} = {result}"
            values[letter] = result
            parts.append(shown)
        parts[-1] = f"so {parts[-1]}"
        texts.append("; ".join([head, *parts]))
    return f" {'. '.join(texts)}. Answer: {result}."


def faults(completion, generator):
    """Yield (kind, text) for one random fault of each kind that the solution has a place for."""
    steps = split(completion)
    places = [(i, k) for i, (_, operations) in enumerate(steps) for k in range(len(operations))]

    def changed(i, k, symbols, result=None):
        head, operations = steps[i]
        letter, _, old = operations[k]
        own = [*operations[:k], (letter, symbols, old if result is None else result), *operations[k + 1 :]]
        return [*steps[:i], (head, own), *steps[i + 1 :]]

    def some(test):
        fits = [(i, k) for i, k in places if test(steps[i][1][k][1])]
        return generator.choice(fits) if fits else None

    if place := some(lambda symbols: not symbols or symbols.split()[0].isdigit()):
        i, k = place
        _, symbols, result = steps[i][1][k]
        other = generator.choice(
            [n for n in range(1, 23) if str(n) != (symbols.split()[0] if symbols else str(result))]
        )
        rest = symbols.split(" ", 1)[1] if symbols else ""
        yield "literal", join(changed(i, k, f"{other} {rest}" if symbols else "", other))
    if place := some(lambda symbols: OPERATION.fullmatch(symbols)):
        i, k = place
        a, sign, b = OPERATION.fullmatch(steps[i][1][k][1]).groups()
        yield "operator", join(changed(i, k, f"{a} {generator.choice([s for s in '+-*' if s != sign])} {b}"))
    if place := some(lambda symbols: " - " in symbols):
        i, k = place
        a, _, b = OPERATION.fullmatch(steps[i][1][k][1]).groups()
        yield "swapped", join(changed(i, k, f"{b} - {a}"))
    if len(steps) > 1:
        i = generator.randrange(len(steps) - 1)
        yield "skipped", join(steps[:i] + steps[i + 1 :])
    if place := some(lambda symbols: any(len(side) == 1 and side.isalpha() for side in symbols.split(" "))):
        i, k = place
        letter = generator.choice([side for side in steps[i][1][k][1].split(" ") if side.isalpha()])
        now = next(op[2] for _, own in steps for op in own if op[0] == letter)
        yield "stale", join(steps, stale=(i, k, letter, generator.choice([n for n in range(23) if n != now])))


def reordered(completion, generator):
    """Return the same steps in another random order in which each letter is defined before it is used."""
    steps = split(completion)
    left, known, order = steps[:-1], set(), []
    while left:
        ready = []
        for step in left:
            own = {letter for letter, _, _ in step[1]}
            used = {w for _, symbols, _ in step[1] for w in symbols.split(" ") if w.isalpha()} - own
            if used <= known:
                ready.append(step)
        step = generator.choice(ready)
        left.remove(step)
        known |= {letter for letter, _, _ in step[1]}
        order.append(step)
    return join([*order, steps[-1]])
