"""The one error that people see.

Everything a user can get wrong (a spec, a file, a folder, a command line) raises `SynthgenError` with a message that
names the file, the field, the value and the fix. The command line prints it and exits with 2; it is never a traceback.
"""

from __future__ import annotations

import difflib
import importlib.metadata
import re
from collections.abc import Iterable

DISTRIBUTION = "synthgen-lm"
"""What package indexes call this package; there, `synthgen` is somebody else's string library."""


class SynthgenError(Exception):
    """Bad input or a wrong use; the message says what would be right."""

    exit_code = 2
    """What the command line exits with."""


class CheckFailed(SynthgenError):
    """Data is not what it says it is; the message names the file and what differs."""

    exit_code = 1


class Interrupted(SynthgenError):
    """The user stopped a run with Ctrl-C, or the system with SIGTERM; the message says how to go on."""

    exit_code = 130


class Terminated(KeyboardInterrupt):
    """SIGTERM arrived. A KeyboardInterrupt, so that whoever cleans up after Ctrl-C does so now as well."""


class DrawError(SynthgenError):
    """A draw ran out of its bounded retries, or a recorded tape does not fit the sampler that reads it."""


def nearest(name: str, known: Iterable[str], most: int = 12) -> str:
    """Return " (did you mean 'x'?)" or, without a near name, " (known: a, b, c)" for the end of an error message."""
    known = sorted(known)
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    if close:
        return f" (did you mean {close[0]!r}?)"
    return f" (known: {', '.join(known)})" if 0 < len(known) <= most else ""


def missing(extra: str, what: str, otherwise: str = "") -> SynthgenError:
    """Return the error of something optional that is not installed, with the command that installs it.

    The packages named are those of `extra` in the installed metadata that are not there (all of the extra, where each
    is there and yet cannot be imported). `what` needs them; `otherwise` says how to do without.
    """
    wanted = extra_packages(extra)
    names = [name for name in wanted if not _is_installed(name)] or wanted
    instead = f"; or {otherwise}" if otherwise else ""
    return SynthgenError(f"{what} needs {' and '.join(names)}: pip install {' '.join(names)}{instead}")


def extra_packages(extra: str) -> list[str]:
    """Return the names of the packages in an extra of this package, as its installed metadata has them.

    Raises SynthgenError where it was never installed: a checkout on the path has no metadata.
    """
    if not _is_installed(DISTRIBUTION):
        raise SynthgenError(
            f"{DISTRIBUTION} is not installed, only on the path: pip install '.[{extra}]' in its folder"
        )
    marked = re.compile(rf"""extra == ['"]{extra}['"]""")
    lines = [line for line in importlib.metadata.requires(DISTRIBUTION) or () if marked.search(line)]
    return [re.split(r"[^\w.-]", line, maxsplit=1)[0] for line in lines]


def _is_installed(name: str) -> bool:
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True
