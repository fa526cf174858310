"""What a shard's columns may hold, whoever wrote it: told in a sentence, before anything counts or adds up values."""

from __future__ import annotations

import functools
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from synthgen.errors import SynthgenError

BITS_END = 2.0**23
"""A row's bits are below this: in ledger units they would leave int64."""


def check_values(batch: pa.RecordBatch) -> None:
    """Raise SynthgenError for a batch that is damaged, has nothing where something must stand, or impossible bits.

    Latents may be empty (a mixture's, for a row of another component); what they say is for readers to judge. So may
    books of bits that nobody can count, and then the total; which books those are, the spec says.
    """
    try:
        batch.validate(full=True)
    except pa.ArrowException as error:
        raise SynthgenError(f"holds broken values: {str(error).splitlines()[0]}") from None
    for name in batch.schema.names:
        for path, array in _parts(name, batch.column(name)):
            if array.null_count and not path.startswith("bits."):
                raise SynthgenError(f"{path} is empty in {array.null_count:,} places")
    if "bits" in batch.schema.names and pa.types.is_struct(batch.schema.field("bits").type):
        bits = batch.column("bits")
        _check_unknown(bits)
        for field in bits.type:
            if pa.types.is_floating(field.type):
                _check_bits(f"bits.{field.name}", bits.field(field.name))


def _check_unknown(bits: pa.StructArray) -> None:
    """Raise SynthgenError where a total is stated though a book is not, or the other way round."""
    if "total" not in [field.name for field in bits.type] or not any(part.null_count for part in bits.flatten()):
        return
    books = [bits.field(field.name).is_null() for field in bits.type if field.name != "total"]
    if bits.field("total").is_null() != functools.reduce(pc.or_, books):
        raise SynthgenError("bits.total is empty in other places than its books are")


def _parts(path: str, array: pa.Array) -> Iterator[tuple[str, pa.Array]]:
    """Yield an array and what stands in it, but for what stands in a latent."""
    yield path, array
    if path == "latent":
        return
    if pa.types.is_struct(array.type):
        for number, field in enumerate(array.type):
            yield from _parts(f"{path}.{field.name}", array.field(number))
    elif pa.types.is_list(array.type):
        yield from _parts(f"{path}[]", array.flatten())


def _check_bits(path: str, array: pa.Array) -> None:
    array = array.drop_null()
    possible = pc.and_(pc.greater_equal(array, 0.0), pc.less(array, BITS_END))  # false for nan
    if not pc.all(possible, min_count=0).as_py():
        value = array.filter(pc.invert(possible))[0].as_py()
        raise SynthgenError(f"{path} is {value}; bits are from 0 to {BITS_END:,.0f}")
