"""pyarrow looks for pandas at its first array: a quarter of the time that a command takes to start."""

from __future__ import annotations

import sys
from importlib.abc import MetaPathFinder


class _NoPandas(MetaPathFinder):
    """Says that pandas is not installed."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        """Refuse pandas; leave everything else to those who come after."""
        if name == "pandas":
            raise ImportError(name)


def put_pandas_off() -> None:
    """Let pyarrow take its first look while there is no pandas; `to_pandas` looks again and finds it.

    For processes of this package alone, commands and workers: where it was put off, `pyarrow.array` takes a Series for
    a sequence.
    """
    import pyarrow

    if "pandas" in sys.modules:
        return
    finder = _NoPandas()
    sys.meta_path.insert(0, finder)
    try:
        pyarrow.array(())
    finally:
        sys.meta_path.remove(finder)
