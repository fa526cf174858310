"""Grain, Google's loader: windows as an `IterDataset` whose state is a few integers.

    from synthgen.clients.grain import WindowBatches

    dataset = WindowBatches("cfg3f", context=512, batch_size=96, rank=rank, world_size=world_size)
    for batch in dataset:
        batch["input_ids"], batch["targets"]

Batches are NumPy arrays, those of `synthgen.windows` in the same order. Iterators have `get_state` and `set_state`, so
that Grain's checkpoints and what it puts behind a dataset (`map`, `filter`, `mix`) go on where they were.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from synthgen.errors import missing
from synthgen.windowing.windows import Windows, windows

try:
    import grain
except ImportError:
    raise missing("grain", "synthgen.clients.grain") from None


class WindowBatches(grain.IterDataset):
    """Batches of windows; the arguments are those of `synthgen.windows`. Raises SynthgenError as that does, at once."""

    def __init__(self, data: Any, context: int | None = None, **arguments: Any) -> None:
        super().__init__()
        self._arguments = windows(data, context, **arguments).arguments

    def __iter__(self) -> WindowBatchIterator:
        return WindowBatchIterator(windows(**self._arguments))


class WindowBatchIterator(grain.DatasetIterator):
    """The batches of some windows, one after the other."""

    def __init__(self, packed: Windows) -> None:
        super().__init__()
        self._windows, self._batches, self._state = packed, iter(packed), packed.state()

    def __next__(self) -> dict[str, np.ndarray]:
        batch = next(self._batches)
        self._state = self._windows.advanced(self._state, batch)
        return batch

    def get_state(self) -> dict[str, Any]:
        """Return where to go on behind the batches given: integers, fit for JSON."""
        return self._state

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from a state. Raises SynthgenError for one of other data."""
        self._windows.load(state)
        self._state, self._batches = self._windows.state(), iter(self._windows)
