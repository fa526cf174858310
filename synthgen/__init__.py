"""synthgen: pretraining data for controlled language-model experiments, every bit of it known.

source = synthgen.load("cfg3f")                          # rows by index, without any disk
synthgen.generate("cfg3f", out="data/cfg3f")             # Arrow shards with a manifest
synthgen.open("data/cfg3f")                              # a datasets.DatasetDict over them, mapped, not copied
"""

import importlib
import sys
from typing import TYPE_CHECKING, Any

from synthgen.moved import install
from synthgen.version import __version__ as __version__

if sys.platform == "win32":
    raise ImportError(
        "synthgen does not run on Windows, which lacks the file locks and signals of its builds; take Linux, "
        "for instance in the Windows Subsystem for Linux"
    )

if TYPE_CHECKING:
    from synthgen.dataset.build import generate as generate
    from synthgen.dataset.manifest import open_folder as open
    from synthgen.errors import SynthgenError as SynthgenError
    from synthgen.spec.source import Source as Source
    from synthgen.spec.source import load as load
    from synthgen.windowing.windows import windows as windows

__all__ = ["Source", "SynthgenError", "generate", "load", "open", "windows"]

# Imported when first asked for: numba and pyarrow take most of a second, which `synthgen --help` must not.
_HOMES = {
    "Source": ("synthgen.spec.source", "Source"),
    "SynthgenError": ("synthgen.errors", "SynthgenError"),
    "generate": ("synthgen.dataset.build", "generate"),
    "load": ("synthgen.spec.source", "load"),
    "open": ("synthgen.dataset.manifest", "open_folder"),
    "windows": ("synthgen.windowing.windows", "windows"),
}

install()
del install


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'synthgen' has no attribute {name!r}")
    module, attribute = _HOMES[name]
    return getattr(importlib.import_module(module), attribute)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
