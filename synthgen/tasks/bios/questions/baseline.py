"""The same questions as one would ask them in plain Python: the baseline of the benchmark."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from synthgen.tasks.bios.world.lists import ATTRIBUTES, Lists


class PlainAsker:
    """Asks random people of a list, all drawn beforehand, with `random` and string formatting."""

    def __init__(self, lists: Lists, questions: Mapping[str, Sequence[str]], people: int) -> None:
        generator = random.Random(0)
        self.people = [self._person(lists, generator) for _ in range(people)]
        self.questions = [questions[f"extract.{attribute}"][0].replace("{A}", "{}") for attribute in ATTRIBUTES]

    def _person(self, lists: Lists, generator: random.Random) -> tuple[str, list[str]]:
        pick = generator.choice
        name = f"{pick(lists.first_names)} {pick(lists.middle_names)} {pick(lists.last_names)}"
        job = generator.randrange(len(lists.employer))
        date = lists.date(generator.randrange(lists.sizes()["birth_date"]))
        values = [date, pick(lists.birth_city), pick(lists.university), pick(lists.major), lists.employer[job]]
        return name, [*values, lists.cities[lists.company_city[job]]]

    def ask(self, generator: random.Random) -> tuple[str, str]:
        """Return the prompt and the completion of one question."""
        name, values = generator.choice(self.people)
        attribute = generator.randrange(len(ATTRIBUTES))
        return f"{self.questions[attribute].format(name)} Answer:", f" {values[attribute]}."
