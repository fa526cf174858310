"""Odds: how well a form of question can be answered by somebody who guesses, and by somebody who knows it all.

The law of an answer over all worlds (people's facts are independent and uniform) gives its entropy and the accuracy of
the best constant guess. A question by full name has one answer; an inverse one may fit several people, and then not
even full knowledge of the world tells who was meant.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from synthgen.exact.entropy import entropy_of, log2_falling
from synthgen.tasks.bios.questions.forms import LATER, MINUS, MODULO, Form
from synthgen.tasks.bios.world.lists import Lists


@dataclass(frozen=True)
class Odds:
    """What can be hoped for on one form, in the mean over worlds.

    `answer_bits`: entropy of the answer. `guess`: accuracy of the best constant answer. `determined`: how often the
    question has only one right answer. `ceiling`: accuracy, by the person who was meant, of the best guesser who knows
    the world; `known_bits`: entropy of the answer for them; both None where there is no closed form (first names).
    `answers`: expected number of people who fit.
    """

    answer_bits: float
    guess: float
    determined: float = 1.0
    ceiling: float | None = 1.0
    known_bits: float | None = 0.0
    answers: float = 1.0


def odds_of(form: Form, lists: Lists, people: int) -> Odds:
    """Return the odds of a form in worlds of so many people."""
    if form.given:
        return _inverse(form, lists, people)
    weights = _answer_weights(form, lists)
    return Odds(entropy_of(weights), max(weights) / sum(weights))


def guessing_odds(forms: Sequence[Form], shares: Sequence[float], lists: Lists, people: int) -> dict[str, Any]:
    """Return the odds of guessing forms that are asked with the given shares, as facts by form and on average."""
    odds = {form.key: odds_of(form, lists, people) for form in forms}
    facts: dict[str, Any] = {}
    for fact, name in (("answer_bits", "answer_bits"), ("constant_guess", "guess"), ("determined", "determined")):
        values = {key: getattr(form_odds, name) for key, form_odds in odds.items()}
        facts[fact] = values
        facts[f"{fact}_mean"] = math.fsum(s * v for s, v in zip(shares, values.values(), strict=True))
    known = {key: form_odds.known_bits for key, form_odds in odds.items() if form_odds.known_bits is not None}
    facts["answer_bits_given_the_world"] = known
    if any(form.given for form in forms):
        facts["right_answers"] = {form.key: odds[form.key].answers for form in forms if form.given}
        facts["best_accuracy"] = {
            key: form_odds.ceiling for key, form_odds in odds.items() if form_odds.ceiling is not None
        }
    return facts


def _answer_weights(form: Form, lists: Lists) -> list[int]:
    """Return how many of all equally likely cases give each answer."""
    sizes = {"month": lists.dates[0], "day": lists.dates[1], "year": lists.dates[2]} | lists.sizes()
    if form.rule == MODULO:
        n, start = sizes[form.number], int(form.number == "month")
        if form.number == "month" and form.modulus == 12:
            return [1] * n
        return list(Counter(number % form.modulus for number in range(start, start + n)).values())
    if form.rule == LATER:
        n = sizes[form.number]
        return [n * (n - 1) // 2, n * (n + 1) // 2]
    if form.rule == MINUS:
        n = sizes[form.number]
        return [n - abs(difference) for difference in range(1 - n, n)]
    if "company_city" in form.answer:
        cities = Counter(lists.company_city)
        return [1] * len(lists.employer) if "employer" in form.answer else list(cities.values())
    return [1] * math.prod(sizes[fact] for fact in form.answer)


def _inverse(form: Form, lists: Lists, people: int) -> Odds:
    sizes = lists.sizes()
    cases = math.prod(sizes[fact] for fact in form.given if fact != "company_city")
    first, names = len(lists.first_names), lists.names
    answers = 1 + (people - 1) / cases
    others = _others(people, cases)
    if form.answer == ("full",):
        alone = math.fsum(p for k, p in others if k == 0)
        ceiling = math.fsum(p / (1 + k) for k, p in others)
        known = math.fsum(p * math.log2(1 + k) for k, p in others)
        return Odds(math.log2(names), 1 / names, alone, ceiling, known, answers)
    same = names // first - 1  # other full names with this first name; names are drawn without replacement
    alike = math.fsum(p * 2 ** (log2_falling(same, k) - log2_falling(names - 1, k)) for k, p in others if k <= same)
    return Odds(math.log2(first), 1 / first, alike, None, None, answers)


def _others(people: int, cases: int) -> list[tuple[int, float]]:
    """Return (k, probability) that k others share a person's facts: binomial(people - 1, 1 / cases), without its tails.

    What is left out, beyond 40 + 12 standard deviations, is below 1e-18.
    """
    n = people - 1
    if cases == 1:
        return [(n, 1.0)]
    mean = n / cases
    reach = 40 + 12 * math.sqrt(mean)
    law = []
    for k in range(max(0, math.floor(mean - reach)), min(n, math.ceil(mean + reach)) + 1):
        log_ways = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
        law.append((k, math.exp(log_ways - k * math.log(cases) + (n - k) * math.log1p(-1 / cases))))
    return law
