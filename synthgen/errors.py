"""The one error that people see.

Everything a user can get wrong (a spec, a file, a folder, a command line) raises `SynthgenError` with a message that
names the file, the field, the value and the fix. The command line prints it and exits with 2; it is never a traceback.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


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
