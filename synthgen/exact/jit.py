"""Compiled kernels, with a disk cache that notices every change of what a kernel is made of, and no other.

numba's own cache looks at the file of the compiled function only: a callee in another file may change unseen. So the
kernels of a module are cached in a folder named by a digest of the module's source and of all that it imports, directly
or not, of the package that owns it and of synthgen. `NUMBA_CACHE_DIR`, where set, stays the parent of these folders;
otherwise it is the user's cache folder, and where nothing is writable a private temporary one.
"""

from __future__ import annotations

import dis
import functools
import hashlib
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FunctionType
from typing import Any, ClassVar, TypeVar

import numba
from numba.core import event
from numba.core.dispatcher import Dispatcher

F = TypeVar("F", bound=Callable[..., Any])

OURS = __name__.partition(".")[0]
IMPORT = re.compile(r"^[ \t]*(?:from[ \t]+([\w.]+)[ \t]+import[ \t]+(\([^)]*\)|[^\n]*)|import[ \t]+([^\n]+))", re.M)
"""An import, wherever it stands: one too many makes a digest too careful, and never too careless."""


def _new_digest() -> hashlib.blake2b:
    return hashlib.blake2b(f"{sys.version_info[:2]} numba {numba.__version__}".encode(), digest_size=8)


@functools.cache
def package_digest(package: str) -> str:
    """Return a short digest of every Python source of a package, or of a module that is none."""
    file, digest = getattr(sys.modules.get(package), "__file__", None), _new_digest()
    if file is not None:
        folder = Path(file).parent
        sources = sorted(folder.rglob("*.py")) if Path(file).name == "__init__.py" else [Path(file)]
        for source in sources:
            digest.update(str(source.relative_to(folder)).encode() + b"\0")
            digest.update(hashlib.blake2b(source.read_bytes()).digest())
    return digest.hexdigest()


@functools.cache
def _source(module: str) -> Path | None:
    """Return the file of a module of synthgen or of a package that has kernels; None if there is no such module."""
    top, *parts = module.split(".")
    file = getattr(sys.modules.get(top), "__file__", None)
    if file is None or not parts:
        return Path(file) if file else None
    place = Path(file).parent.joinpath(*parts)
    return next((path for path in (place.with_suffix(".py"), place / "__init__.py") if path.is_file()), None)


@functools.cache
def _imported(module: str) -> frozenset[str]:
    """Return the modules of the same package, and of synthgen, that a module's source imports."""
    file = _source(module)
    package = module if file and file.name == "__init__.py" else module.rpartition(".")[0]
    names: set[str] = set()
    for name, things, modules in IMPORT.findall(file.read_text(encoding="utf-8") if file else ""):
        for one in re.findall(r"[\w.]+", re.sub(r"\bas\s+\w+|#[^\n]*", "", things)):
            names |= {name, name + one if name.endswith(".") else f"{name}.{one}"}
        names.update(re.findall(r"[\w.]+", re.sub(r"\bas\s+\w+", "", modules)))
    names = {_absolute(name, package) for name in names}
    return frozenset(name for name in names if name.split(".")[0] in (OURS, module.split(".")[0]) and _source(name))


def _absolute(name: str, package: str) -> str:
    """Return a name that may begin with dots, as in `from ..words import cut`, without them."""
    bare = name.lstrip(".")
    dots = len(name) - len(bare)
    if not dots:
        return name
    parts = package.split(".")
    return ".".join([*parts[: len(parts) - dots + 1], *filter(None, [bare])])


def modules_behind(module: str) -> Iterator[str]:
    """Yield a module and all that it imports, directly or not, of its package and of synthgen."""
    seen, todo = {module}, [module]
    while todo:
        one = todo.pop()
        yield one
        new = _imported(one) - seen
        seen |= new
        todo += new


@functools.cache
def kernel_digest(module: str) -> str:
    """Return a short digest of the sources that the kernels of a module may be made of."""
    digest = _new_digest()
    for name in sorted(modules_behind(module)):
        file = _source(name)
        digest.update(f"{name}\0".encode() + (_hash(file) if file else b""))
    return digest.hexdigest()


@functools.cache
def _hash(file: Path) -> bytes:
    return hashlib.blake2b(file.read_bytes()).digest()


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
def cache_folder(module: str) -> Path | None:
    """Return the folder for a module's compiled kernels, or None where nothing at all is writable."""
    leaf = f"{module}-{kernel_digest(module)}"
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
    """Compile `function` with numba, cached on disk under the sources it may be made of. Use as a decorator.

    Kernels are scalar code over arrays and the state of `synthgen.exact.draw`; they must not use Python objects.
    """
    if numba.config.DISABLE_JIT:
        return function
    _tell_of_compilation()
    _Teller.modules.add(function.__module__)
    folder = cache_folder(function.__module__)
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
    """Says on stderr what numba compiles, so that a first run is no silent minute: on a terminal, how far it is.

    A kernel is told of with all functions that it calls, at any depth: they are compiled with it, unless cached.
    """

    modules: ClassVar[set[str]] = set()

    def __init__(self) -> None:
        self._todo: set[Any] = set()
        self._begun: set[Any] = set()
        self._subject, self._depth = "", 0

    def on_start(self, event: Any) -> None:
        """Tell of a function that is compiled; those of somebody else's package are none of ours."""
        kernel = event.data["dispatcher"]
        if not self._depth and kernel.py_func.__module__ not in _Teller.modules:
            return
        self._depth += 1
        if self._depth == 1:
            self._todo, self._begun, self._subject = set(_compiled_with(kernel)), set(), _subject(kernel)
            if not sys.stderr.isatty():
                parts = f"{len(self._todo)} part{'s'[: len(self._todo) > 1]}"
                self._say(parts, " ...\n")
        if kernel.py_func in self._todo - self._begun:
            self._begun.add(kernel.py_func)
            if sys.stderr.isatty():
                self._say(f"{len(self._begun)} of {len(self._todo)}", "\x1b[K", begin="\r")

    def on_end(self, event: Any) -> None:
        """Take the line away when all is done."""
        if self._depth:
            self._depth -= 1
            if not self._depth and sys.stderr.isatty():
                print("\r\x1b[K", end="", file=sys.stderr, flush=True)

    def _say(self, what: str, end: str, begin: str = "") -> None:
        line = f"{begin}synthgen: compiling {self._subject}, {what} (first run only)"
        print(line, end=end, file=sys.stderr, flush=True)


def _compiled_with(kernel: Any) -> Iterator[Any]:
    """Yield the Python function of a kernel, and of all that is compiled with it: what it calls, at any depth."""
    seen, todo = {kernel.py_func}, [kernel.py_func]
    while todo:
        function = todo.pop()
        yield function
        new = set(_called(function)) - seen
        seen |= new
        todo += new


def _called(function: Any) -> Iterator[Any]:
    """Yield the functions of ours that a function names, but for kernels that are compiled already."""
    names = {one.argval for one in dis.get_instructions(function) if one.opname == "LOAD_GLOBAL"}
    for one in (function.__globals__.get(name) for name in names):
        if isinstance(one, Dispatcher) and not one.signatures and not _is_cached(one):
            yield one.py_func
        elif isinstance(one, FunctionType) and _package(one) in (OURS, _package(function)):
            yield one


def _package(function: Any) -> str:
    return function.__module__.split(".")[0]


def _is_cached(kernel: Any) -> bool:
    folder, function = kernel.stats.cache_path, kernel.py_func
    index = f"*.{function.__name__}-{function.__code__.co_firstlineno}.*nbi"
    return folder is not None and any(Path(folder).glob(index))


def _subject(kernel: Any) -> str:
    """Return what a kernel belongs to, as people know it: its task, a module of ours, or another package."""
    top, *parts = kernel.py_func.__module__.split(".")
    if top != OURS or not parts:
        return top
    return parts[1] if parts[0] == "tasks" else parts[-1]


@functools.cache
def _tell_of_compilation() -> None:
    event.register("numba:compile", _Teller())
