"""Preparing: from what a mixture says of real text to rows in the store, before any row of the mixture is made.

A source is read once. A note in the store says what its files were like (size and time of change) and which digest
came of them; as long as they are so, they are not read again. A stated digest is never overruled: other rows are
refused, and where the rows are in the store the source need not even be there.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from synthgen.errors import SynthgenError
from synthgen.mixture.text.fetching import fetched
from synthgen.mixture.text.fields import TextFields, origin_of, repository_of
from synthgen.mixture.text.sources import files_of, patterns_of, texts_of
from synthgen.mixture.text.store import StoredTexts, store_folder, stored, take_in
from synthgen.task.files import exists, write_whole
from synthgen.task.foreign import read_json


def prepared(fields: TextFields, files: Path) -> Mapping[str, Any]:
    """Return what synthgen writes into a component: its text's name, rows, bytes, digest and commit.

    `files` is the folder of the spec. Where all of it is stated, nothing is fetched, and rows may be missing until
    `make_ready`. Raises SynthgenError where the rows are not those of the stated digest.
    """
    repository = repository_of(fields.text)
    texts = stored(fields.digest)
    changed = repository is None and exists(files / fields.text) and _changed(fields, files)
    if changed or (texts is None and not (fields.digest and fields.rows and fields.bytes)):
        texts = taken_in(fields, files)
    rows, size = (fields.rows, fields.bytes) if texts is None else (texts.index.rows, texts.index.bytes)
    if texts is not None and fields.rows not in (None, rows):
        raise SynthgenError(
            f"{_where(fields)}: the digest is of {rows:,} rows, and rows = {fields.rows}; leave one of them out"
        )
    return {
        "text": origin_of(fields.text),
        "rows": rows,
        "bytes": size,
        "digest": fields.digest if texts is None else texts.digest,
        **({"commit": repository.commit} if repository else {}),
    }


def taken_in(fields: TextFields, files: Path) -> StoredTexts:
    """Return the rows of a source, read (and, from the Hub, fetched) unless the store has them from files like these.

    Raises SynthgenError where they are not those of the stated digest.
    """
    repository = repository_of(fields.text)
    place = fetched(repository, patterns_of(fields.files)) if repository else files / fields.text
    paths = files_of(place, fields.files, fields.text)
    note, like = _note(fields, place), _like(paths)
    noted = _noted(note)
    texts = stored(noted["digest"]) if noted and noted["files"] == like else None
    if texts is None:
        texts = take_in(texts_of(paths, fields.column, fields.start, fields.rows))
        counted = fields.model_copy(update={"rows": texts.index.rows})  # as it is written out
        for name in {note, _note(counted, place)}:
            write_whole(name, json.dumps({"files": like, "digest": texts.digest}))
    if fields.digest not in ("", texts.digest):
        raise SynthgenError(
            f"{_where(fields)}: its rows are of digest {texts.digest[:16]}..., and the spec states "
            f"{fields.digest[:16]}...: the data were changed; bring back what they were, or leave the digest out"
        )
    return texts


def _changed(fields: TextFields, files: Path) -> bool:
    """Return whether the files of a source are not those, as far as one sees, which the stated digest came of."""
    place = files / fields.text
    like = _like(files_of(place, fields.files, fields.text))
    return not fields.digest or _noted(_note(fields, place)) != {"files": like, "digest": fields.digest}


def _note(fields: TextFields, place: Path) -> Path:
    """Return the file of the note on a source."""
    what = json.dumps([str(place.resolve()), fields.files, fields.column, fields.start, fields.rows])
    return store_folder() / f"source-{hashlib.sha256(what.encode()).hexdigest()[:32]}.json"


def _noted(note: Path) -> Mapping[str, Any] | None:
    noted: Mapping[str, Any] | None = read_json(note, dict[str, Any]) if exists(note) else None
    return noted if noted and noted.keys() == {"files", "digest"} else None


def _like(paths: list[Path]) -> list[list[Any]]:
    """Return what is seen of files without reading them: name, bytes, and when they were changed."""
    return [[path.name, path.stat().st_size, path.stat().st_mtime_ns] for path in paths]


def _where(fields: TextFields) -> str:
    return f"params.component: text = {origin_of(fields.text)!r}"
