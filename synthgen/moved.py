"""Modules under their old names: published cards and plug-ins import them; a warning names the new place.

An old name is looked up only when an import has found nothing else, so it costs nothing until it is used.
"""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

MOVED = {
    "synthgen.alphabet": "synthgen.task.kit.alphabet",
    "synthgen.assets": "synthgen.task.assets",
    "synthgen.bijection": "synthgen.exact.bijection",
    "synthgen.bins": "synthgen.windowing.token_files",
    "synthgen.columns": "synthgen.task.columns",
    "synthgen.draw": "synthgen.exact.draw",
    "synthgen.entropy": "synthgen.exact.entropy",
    "synthgen.jit": "synthgen.exact.jit",
    "synthgen.ledger": "synthgen.exact.ledger",
    "synthgen.phrases": "synthgen.task.phrases",
    "synthgen.retries": "synthgen.task.kit.retries",
    "synthgen.sizes": "synthgen.task.kit.sizes",
    "synthgen.tape": "synthgen.exact.tape",
    "synthgen.train.windows": "synthgen.train.torch_windows",
    "synthgen.words": "synthgen.task.kit.words",
}
"""Where modules of version 0.1 are now: those that cards print, and those that tasks of other packages stand on."""


class OldNames(MetaPathFinder, Loader):
    """Finds a module under its old name: a module of its own that holds the very same things."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return a spec for an old name; None for any other."""
        return ModuleSpec(fullname, self) if fullname in MOVED else None

    def exec_module(self, module: ModuleType) -> None:
        """Fill the module with what is in the new place, and say where that is."""
        new = MOVED[module.__name__]
        warnings.warn(f"{module.__name__} is now {new}", DeprecationWarning, stacklevel=2)
        module.__dict__.update({k: v for k, v in vars(importlib.import_module(new)).items() if not k.startswith("__")})


def install() -> None:
    """Have imports look here last."""
    if not any(isinstance(finder, OldNames) for finder in sys.meta_path):
        sys.meta_path.append(OldNames())
