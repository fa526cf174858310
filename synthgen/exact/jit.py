"""Compiled kernels, with a disk cache that notices every change of the sources.

numba's own cache looks at the file of the compiled function only: a callee in another file may change unseen. So each
kernel is cached under a folder named by a digest of all sources of the package that owns it. `NUMBA_CACHE_DIR`, where
set, stays the parent of that folder; otherwise it is the user's cache folder, and where nothing is writable a private
temporary one.
"""

from __future__ import annotations

import functools
import hashlib
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numba
from numba.core import event

F = TypeVar("F", bound=Callable[..., Any])


@functools.cache
def source_digest(package: str) -> str:
    """Return a short digest of every Python source below `package`'s folder, and of synthgen's own."""
    digest = hashlib.blake2b(f"{sys.version_info[:2]} numba {numba.__version__}".encode(), digest_size=8)
    for name in sorted({package, __name__.partition(".")[0]}):
        file = getattr(sys.modules.get(name), "__file__", None)
        if file is None:
            continue
        folder = Path(file).parent
        sources = sorted(folder.rglob("*.py")) if Path(file).name == "__init__.py" else [Path(file)]
        for source in sources:
            digest.update(str(source.relative_to(folder)).encode() + b"\0")
            digest.update(hashlib.blake2b(source.read_bytes()).digest())
    return digest.hexdigest()


def _writable(folder: Path) -> bool:
    """Make `folder` and say whether a file can be written there by us, and only by us."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Cached kernels are unpickled, so a folder that somebody else may write to would be a way to run code here.
        owner = folder.stat()
        if hasattr(os, "getuid") and (owner.st_uid != os.getuid() or owner.st_mode & 0o022):
            return False
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


@functools.cache
def cache_folder(package: str) -> Path | None:
    """Return the folder for `package`'s compiled kernels, or None where nothing at all is writable."""
    leaf = f"{package.replace('.', '-')}-{source_digest(package)}"
    parents = []
    if "NUMBA_CACHE_DIR" in os.environ:
        parents.append(Path(os.environ["NUMBA_CACHE_DIR"]))
    caches = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111 (it never raises)
    parents.append(Path(caches, "synthgen", "kernels"))
    user = os.getuid() if hasattr(os, "getuid") else "user"
    parents.append(Path(tempfile.gettempdir()) / f"synthgen-kernels-{user}")
    for parent in parents:
        if parent.is_absolute() and _writable(parent / leaf):
            return parent / leaf
    return None


def kernel(function: F) -> F:
    """Compile `function` with numba, cached on disk under its package's sources. Use as a decorator.

    Kernels are scalar code over arrays and the state of `synthgen.exact.draw`; they must not use Python objects.
    """
    if numba.config.DISABLE_JIT:
        return function
    _tell_of_compilation()
    _Teller.modules.add(function.__module__)
    folder = cache_folder(function.__module__.split(".")[0])
    if folder is None:
        return numba.njit(function)
    # numba reads this setting when it decorates: set here and put back, it leaves the user's own kernels alone.
    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = str(folder)
    try:
        return numba.njit(cache=True)(function)
    finally:
        numba.config.CACHE_DIR = before


class _Teller(event.Listener):
    """Says once, on stderr, that numba compiles, so that a first run is not a silent minute."""

    said = False
    modules: ClassVar[set[str]] = set()

    def on_start(self, event: Any) -> None:
        if not _Teller.said and event.data["dispatcher"].py_func.__module__ in _Teller.modules:
            _Teller.said = True
            print("synthgen: compiling kernels (first run only; some ten seconds) ...", file=sys.stderr, flush=True)

    def on_end(self, event: Any) -> None:
        pass


@functools.cache
def _tell_of_compilation() -> None:
    event.register("numba:compile", _Teller())
