"""Training windows as a torch dataset: the same batches, in the same order, for any number of loader workers.

data = WindowDataset("cfg3f", context=512, batch_size=96, rank=rank, world_size=world_size)
for batch in DataLoader(data, batch_size=None, num_workers=2):
    loss = cross_entropy(model(batch["input_ids"]).flatten(0, 1), batch["targets"].flatten())
    data.seen(batch)                     # in the main process: where to go on, `data.state()`

torchdata's `StatefulDataLoader`, and what is built on it, keeps each worker's place by `state_dict`, without `seen`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch.utils.data import IterableDataset, get_worker_info

from synthgen.errors import SynthgenError
from synthgen.windowing.windows import Windows
from synthgen.windowing.windows import windows as make_windows

WIDE = ("input_ids", "targets", "row_ids", "cursor")
"""What becomes int64, as embeddings and cross entropy want it; the rest becomes int32."""


class WindowDataset(IterableDataset[dict[str, torch.Tensor]]):
    """Batches of `synthgen.windows`, made with the same arguments, as tensors; hand it over with `batch_size=None`.

    Loader workers take turns, batch by batch, so the order is that of one process. Raises SynthgenError as
    `synthgen.windows` does, at once.
    """

    def __init__(self, data: Any, context: int | None = None, **arguments: Any) -> None:
        self._windows = make_windows(data, context, **arguments)
        self._arguments = self._windows.arguments
        self._state: dict[str, Any] = {"batch": 0, "lanes": {}}
        self._reader: dict[str, Any] | None = None  # who reads here, and where it stands
        self._resumed: Mapping[str, Any] | None = None  # where the next iterator goes on

    @property
    def windows(self) -> Windows:
        """The windows behind it: `context`, `vocab`, `recipe`."""
        return self._windows

    def __getstate__(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("_arguments", "_state", "_reader", "_resumed")}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        self.__dict__.update(state)
        self._windows = make_windows(**self._arguments)

    def __iter__(self) -> Iterator[dict[str, torch.Tensor]]:
        """Return this rank's batches from the state on, or this worker's share of them."""
        self._reader = dict(self._resumed or {**self._share(), "state": self._state})
        self._resumed = None
        return self._batches(self._reader)

    def _batches(self, reader: Mapping[str, Any]) -> Iterator[dict[str, torch.Tensor]]:
        place = {name: reader[name] for name in ("rank", "world_size")}
        windows = make_windows(**{**self._arguments, **place})
        windows.load(reader["state"])
        for batch in windows:
            reader = self._reader = {**place, "state": windows.advanced(reader["state"], batch)}
            yield {
                name: torch.from_numpy(np.ascontiguousarray(a, np.int64 if name in WIDE else np.int32))
                for name, a in batch.items()
            }

    def _share(self) -> dict[str, int]:
        """Return the rank that this process is, of so many, where each worker of each rank is one."""
        worker = get_worker_info()
        rank, world_size = self._windows.rank, self._windows.world_size
        index, workers = (worker.id, worker.num_workers) if worker else (0, 1)
        before = -(-(self._state["batch"] - rank) // world_size)  # batches that this rank has had
        turn = (before + index) % workers  # the loader asks worker 0 first, whosever turn it is
        return {"rank": rank + world_size * turn, "world_size": world_size * workers}

    def state_dict(self) -> dict[str, Any]:
        """Return where this process goes on behind the batches it has given: integers, fit for JSON."""
        return dict(self._resumed or self._reader or {**self._share(), "state": self._state})

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state_dict` of the same worker, of as many; for the next iterator. Raises SynthgenError."""
        try:
            place = {name: int(state[name]) for name in ("rank", "world_size")}
            self._windows.load(state["state"])
        except (KeyError, TypeError, ValueError) as error:
            raise SynthgenError(f"state: not one of WindowDataset ({type(error).__name__}: {error})") from None
        if place != self._share():
            raise SynthgenError(
                f"state: is of reader {place['rank']} of {place['world_size']}; go on with as many ranks and workers"
            )
        self._resumed = {**place, "state": state["state"]}

    def seen(self, batch: Mapping[str, Any]) -> None:
        """Note that a batch was used; loaders fetch batches ahead of that."""
        self._state = self._windows.advanced(self._state, batch)

    def state(self) -> dict[str, Any]:
        """Return where to go on behind the batches seen: integers, fit for JSON."""
        return self._state

    def load(self, state: Mapping[str, Any]) -> None:
        """Go on from a state, of the same data, recipe, batch size and lanes; for the next iterator."""
        self._windows.load(state)
        self._state = self._windows.state()
