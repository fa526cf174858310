"""The same biographies as one would write them in plain Python: the baseline of the benchmark."""

from __future__ import annotations

import random

from synthgen.tasks.bios.biographies.writing.sentences import NAME, render
from synthgen.tasks.bios.world.lists import ATTRIBUTES, Lists


class PlainWriter:
    """Words random people with `random`, lists of strings and `join`; templates are split beforehand."""

    def __init__(self, lists: Lists, pronouns: tuple[str, ...]) -> None:
        self.lists, self.pronouns = lists, pronouns
        self.forms = {
            (attribute, pronoun, reference): [render(t, pronoun, reference) for t in lists.templates[attribute]]
            for attribute in ATTRIBUTES
            for pronoun in pronouns
            for reference in (0, 1)
        }
        self.dates = [lists.date(number) for number in range(lists.sizes()["birth_date"])]

    def write(self, generator: random.Random) -> str:
        """Return one biography in random order."""
        lists, pick = self.lists, generator.choice
        name = f"{pick(lists.first_names)} {pick(lists.middle_names)} {pick(lists.last_names)}"
        job = generator.randrange(len(lists.employer))
        values = {
            "birth_date": pick(self.dates),
            "birth_city": pick(lists.birth_city),
            "university": pick(lists.university),
            "major": pick(lists.major),
            "employer": lists.employer[job],
            "company_city": lists.cities[lists.company_city[job]],
        }
        pronoun = pick(self.pronouns)
        sentences = []
        for place, attribute in enumerate(generator.sample(ATTRIBUTES, len(ATTRIBUTES))):
            pieces = pick(self.forms[attribute, pronoun, min(place, 1)])
            sentences.append(
                "".join(p if isinstance(p, str) else name if p == NAME else values[attribute] for p in pieces)
            )
        return " ".join(sentences)
