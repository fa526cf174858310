"""Torchtitan: windows as its loaders take them, with state.

    from synthgen.clients.torchtitan import TitanBatches
    from torchtitan.components.dataloader import ParallelAwareDataloader

    data = TitanBatches("cfg3f", context=2048, batch_size=8, rank=dp_rank, world_size=dp_world_size)
    loader = ParallelAwareDataloader(data, dp_rank, dp_world_size, batch_size=None, num_workers=2)

A batch is ({"input", "positions"}, labels) in int64; labels are -100 where there is no loss, as torchtitan's losses
have it. The loader's `state_dict` holds where each worker stands.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from synthgen.train.torch_windows import WindowDataset

FIELDS = ("input_ids", "targets", "positions", "document_ids")


class TitanBatches(WindowDataset):
    """Batches of windows; the arguments are those of `synthgen.windows`. Raises SynthgenError as that does, at once."""

    def __init__(self, data: Any, context: int | None = None, **arguments: Any) -> None:
        super().__init__(data, context, **{"fields": FIELDS, **arguments})

    def __iter__(self) -> Iterator[Any]:
        """Return this rank's batches, or this worker's share of them."""
        return (_as_titan_has_it(batch) for batch in super().__iter__())


def _as_titan_has_it(batch: Mapping[str, Any]) -> tuple[dict[str, Any], Any]:
    """Return inputs and labels; a row that goes on from the window before begins at 0 as well."""
    positions = batch["positions"].long()
    first = batch["document_ids"] == batch["document_ids"][:, :1]
    positions = positions - first * positions[:, :1]
    return {"input": batch["input_ids"], "positions": positions}, batch["targets"].long()
