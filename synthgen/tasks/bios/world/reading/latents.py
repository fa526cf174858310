"""Latents of rows about people, in words: what their numbers stand for in the lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from synthgen.tasks.bios.world.lists import ATTRIBUTES, Lists


def decoded_person(latent: Mapping[str, Any], lists: Lists, pronouns: Sequence[str]) -> dict[str, Any]:
    """Return the latents of a biography (without spans) with name, pronoun, values, templates and order in words.

    Raises IndexError or KeyError for numbers that the lists do not have.
    """
    told = {name: latent[name] for name in latent if name.startswith("values")}  # as told, and at other times
    parts = {"first": lists.first_names, "middle": lists.middle_names, "last": lists.last_names}
    words: dict[str, Any] = {
        "pronoun": pronouns[latent["pronoun"]],
        "name": " ".join(names[latent["name"][part]] for part, names in parts.items()),
        **{name: {a: lists.value(a, number) for a, number in values.items()} for name, values in told.items()},
    }
    if "order" in latent:
        words["order"] = [ATTRIBUTES[number] for number in latent["order"]]
    if "templates" in latent:
        words["templates"] = {name: lists.templates[name][number] for name, number in latent["templates"].items()}
    return {name: words.get(name, value) for name, value in latent.items() if name != "spans"}
