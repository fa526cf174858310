"""Collections on the Hub: pushed from a file, item by item, and pulled into one.

A collection is found again by its owner and title. Pushing adds what lacks and mends notes; what stands there and not
in the file stays, since others may have put it there. Whatever was done before a kill is there, and not done again.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import huggingface_hub

from synthgen.errors import SynthgenError
from synthgen.publish.collection import Collection, Item, read_collection
from synthgen.publish.hub.calls import Calls
from synthgen.task.files import exists, write_whole

KINDS = ("dataset", "model", "space", "paper")


@dataclass(frozen=True)
class Collected:
    """What a push of a collection did: by item, as the Hub calls them."""

    slug: str  # "" of a dry run whose collection is not there
    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)  # whose note was
    kept: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)  # repositories that are not there, and so cannot be added
    others: list[str] = field(default_factory=list)  # there, and not in the file

    def to_json(self) -> dict[str, Any]:
        """Return the mapping that `push --json` prints."""
        return asdict(self)


def push_collection(
    file: str | Path,
    org: str,
    *,
    private: bool = False,
    dry_run: bool = False,
    say: Callable[[str], None] = lambda text: None,
) -> Collected:
    """Publish a collection file as a collection of `org`, or bring the one there up to it.

    Raises SynthgenError for a bad file, and where none of its repositories is there.
    """
    if not re.fullmatch(r"[\w.-]+", org):
        raise SynthgenError(f"{org!r} names no owner: write the ORG whose collection it is to be")
    wanted, calls = read_collection(Path(file)), Calls(org, say, "owner or collection")
    api = calls.api
    items = {(item.kind, item.address(org)): item for item in wanted.item}
    there = {place: item for place, item in items.items() if _is_there(calls, *place)}
    absent = [address for place, item in items.items() if place not in there for address in [item.address(org)]]
    if not any(kind != "paper" for kind, _ in there):
        raise SynthgenError(f"{file}: none of its repositories is there, such as {absent[0]}: push them first")

    def known() -> huggingface_hub.Collection | None:
        every = api.list_collections(owner=org)
        slug = next((one.slug for one in every if one.title == wanted.title), None)
        return api.get_collection(slug) if slug else None  # the list has but the first items of each

    collection = calls("looking for the collection", known)
    if collection is None and dry_run:
        return Collected("", added=[address for _, address in there], absent=absent)
    if collection is None:
        collection = calls(
            "creating the collection",
            lambda: api.create_collection(
                wanted.title, namespace=org, description=wanted.description, private=private, exists_ok=True
            ),
            known,
        )
    slug = collection.slug
    if not dry_run and (collection.description or "") != wanted.description:
        calls("describing it", lambda: api.update_collection_metadata(slug, description=wanted.description))
    old = {(one.item_type, one.item_id): one for one in collection.items}
    done = Collected(slug, absent=absent, others=[address for kind, address in old if (kind, address) not in items])
    for (kind, address), item in there.items():
        before = old.get((kind, address))
        if before is None:
            done.added.append(address)
        elif (before.note or "") != item.note:
            done.changed.append(address)
        else:
            done.kept.append(address)
            continue
        if not dry_run:
            _bring(calls, slug, address, item, before.item_object_id if before else "")
    return done


def _bring(calls: Calls, slug: str, address: str, item: Item, known_as: str) -> None:
    """Add an item to a collection, or give the one there its note."""
    if known_as:
        calls(f"noting {address}", lambda: calls.api.update_collection_item(slug, known_as, note=item.note))
        return
    calls(
        f"adding {address}",
        lambda: calls.api.add_collection_item(slug, address, item.kind, note=item.note or None, exists_ok=True),
    )


def _is_there(calls: Calls, kind: str, address: str) -> bool:
    """Return whether a repository can be seen; a paper is taken to be there."""
    if kind == "paper":
        return True
    return bool(calls(f"looking up {address}", lambda: calls.api.repo_exists(address, repo_type=kind)))


def pull_collection(slug: str, file: str | Path, *, say: Callable[[str], None] = lambda text: None) -> Collection:
    """Write a collection of the Hub into a file, whole addresses and notes, and return it.

    Raises SynthgenError where there is no such collection, or the file holds another one.
    """
    file = Path(file)
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", slug):
        raise SynthgenError(f"{slug!r} names no collection: write ORG/SLUG, as its address on the Hub ends")
    calls = Calls(slug, say, "collection")
    there = calls("reading the collection", lambda: calls.api.get_collection(slug))
    items = [
        Item(repo=one.item_id, kind=one.item_type, note=one.note or "") for one in there.items if one.item_type in KINDS
    ]
    collection = Collection(title=there.title, description=there.description or "", item=items)
    if exists(file) and read_collection(file) != collection:
        raise SynthgenError(f"{file}: is there, and holds another collection; name another file, or remove that one")
    write_whole(file, collection.to_toml())
    return collection
