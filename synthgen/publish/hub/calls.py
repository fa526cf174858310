"""Calls of the Hub's client, each tried again exactly where that is safe; see `remote` for when that is."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TypeVar

import huggingface_hub
from huggingface_hub import HfApi
from huggingface_hub.utils import disable_progress_bars  # type: ignore[attr-defined]

from synthgen.publish.hub.failures import CONFLICTS, FAILURES, asked_wait, in_short, may_pass, status_of, told
from synthgen.version import __version__

T = TypeVar("T")

TRIES = 6
FIRST_WAIT, LONGEST_WAIT = 0.5, 60.0
"""Seconds before the second try; each further wait is twice the last. A rate limit's own word overrides them."""


class Calls:
    """The client, and how it is asked: `calls(what, call)`. `subject` is what errors begin with, and of which kind."""

    def __init__(self, subject: str, say: Callable[[str], None], kind: str = "dataset repository") -> None:
        if not sys.stderr.isatty():
            disable_progress_bars()
        huggingface_hub.utils.logging.set_verbosity_error()
        self.subject, self.say, self.kind = subject, say, kind
        self.api = HfApi(library_name="synthgen", library_version=__version__)

    def __call__(self, what: str, call: Callable[[], T], settled: Callable[[], T | None] | None = None) -> T:
        """Return what `call` returns, trying again what may pass; `settled` re-reads the outcome of a write."""
        wait = FIRST_WAIT
        for left in reversed(range(TRIES)):
            try:
                return call()
            except FAILURES as error:
                failure = error
            status = status_of(failure)
            passing = may_pass(failure, status, self.api.endpoint)
            if settled is not None and (passing or status in CONFLICTS):
                settled_value = self(f"re-reading after {what}", settled)
                if settled_value is not None:
                    return settled_value
            if not passing or not left:
                raise told(self.subject, what, failure, status, passing, TRIES, self.kind) from None
            pause = min(LONGEST_WAIT, asked_wait(failure) or wait)
            self.say(f"{what}: {in_short(failure, status)}; trying again in {pause:.1f} s")
            time.sleep(pause)
            wait *= 2
        raise AssertionError("the last try returns or raises")
