"""Failures of the Hub's client: which may pass, how long to wait, and how to tell them to people without a secret."""

from __future__ import annotations

import json
import re
from urllib.parse import urlsplit

import huggingface_hub
from huggingface_hub.errors import (  # type: ignore[attr-defined]
    EntryNotFoundError,
    HfHubHTTPError,
    HFValidationError,
    HTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from synthgen.errors import SynthgenError

PASSING = (408, 429, 500, 502, 503, 504)
"""Statuses that a later try may not get."""

CONFLICTS = (409, 412)
"""Statuses of a write that came too late: somebody else's was first, or our own, whose reply was lost."""

FAILURES = (HfHubHTTPError, HTTPError, OSError, RuntimeError, ValueError)
"""What the client and its transfer library raise when a call fails."""


class Conflict(SynthgenError):
    """Somebody else wrote to the repository meanwhile; nothing of theirs was overwritten."""


def told(
    repo: str, what: str, failure: BaseException, status: int | None, passing: bool, tries: int, kind: str
) -> SynthgenError:
    """Return the error for people; `kind` is what `repo` is."""
    where = f"{repo}: {what}"
    short = in_short(failure, status)
    if isinstance(failure, OfflineModeIsEnabled):
        return SynthgenError(f"{where}: the environment says HF_HUB_OFFLINE=1; unset it to reach the Hub")
    if passing:
        return SynthgenError(
            f"{where}: failed {tries} times, at last with: {short}; what is done is kept: "
            "run the same command again later"
        )
    if status == 401:
        return SynthgenError(
            f"{where}: the Hub does not know the token ({short}); run `hf auth login`, or set HF_TOKEN"
        )
    if status == 403:
        return SynthgenError(f"{where}: not allowed ({short}); use a token that may do this for {repo}")
    if isinstance(failure, RevisionNotFoundError):
        return SynthgenError(f"{where}: there is no such revision")
    if isinstance(failure, EntryNotFoundError):
        return SynthgenError(f"{where}: there is no such file in that revision")
    if isinstance(failure, RepositoryNotFoundError) or status == 404:
        return SynthgenError(
            f"{where}: no such {kind}, or it is private and the token may not see it; "
            "check the name, and `hf auth whoami`"
        )
    if status in CONFLICTS:
        return Conflict(
            f"{where}: somebody else changed the repository meanwhile ({short}); nothing was overwritten; "
            "run the same command again"
        )
    return SynthgenError(f"{where}: {short}")


def _causes(error: BaseException) -> list[BaseException]:
    """Return an error and what caused it, at most ten."""
    chain: list[BaseException] = []
    one: BaseException | None = error
    while one is not None and len(chain) < 10:
        chain.append(one)
        one = one.__cause__ or one.__context__
    return chain


def status_of(error: BaseException) -> int | None:
    """Return the HTTP status behind an error of the client or its transfer library; None if there was no reply."""
    for one in _causes(error):
        response = getattr(one, "response", None)
        if response is not None:
            return int(response.status_code)
        match = re.search(r"\((\d{3}) [A-Z][A-Za-z ]+\)", str(one))
        if match:
            return int(match[1])
    return None


def may_pass(error: BaseException, status: int | None, endpoint: str) -> bool:
    """Say whether the same call may succeed later.

    The Hub's own word on a request is final, but for some statuses. A storage host's is not: a new try gets new
    addresses, signed anew.
    """
    if any(isinstance(one, OfflineModeIsEnabled | HFValidationError | PermissionError) for one in _causes(error)):
        return False
    if isinstance(error, FileNotFoundError) and not isinstance(error, LocalEntryNotFoundError):
        return False
    if status is not None and _is_of_the_hub(error, endpoint):
        return status in PASSING
    kinds = (HTTPError, OSError, RuntimeError, json.JSONDecodeError)
    return any(isinstance(one, kinds) for one in _causes(error))


def _is_of_the_hub(error: BaseException, endpoint: str) -> bool:
    """Say whether an error's reply came from the Hub itself, not from a storage host."""
    hosts = {
        urlsplit(str(r.request.url)).netloc for e in _causes(error) if (r := getattr(e, "response", None)) is not None
    }
    return urlsplit(endpoint).netloc in hosts


def asked_wait(error: BaseException) -> float | None:
    """Return the seconds that a rate limit asks to wait."""
    for one in _causes(error):
        headers = getattr(getattr(one, "response", None), "headers", None)
        if headers:
            if headers.get("retry-after", "").isdecimal():
                return float(headers["retry-after"])
            match = re.search(r"\bt=(\d+)", headers.get("ratelimit", ""))
            if match:
                return float(match[1]) + 1
    return None


def in_short(error: BaseException, status: int | None) -> str:
    """Return one line on an error: no token, no address with a signature, no traceback."""
    if status is not None:
        message = next((m for one in _causes(error) if (m := getattr(one, "server_message", None))), "")
        text = f"status {status}" + (f", {message}" if message else "")
    else:
        deepest = _causes(error)[-1]
        text = f"{type(deepest).__name__}: {deepest}" if str(deepest) else type(deepest).__name__
    return clean(text)


def clean(text: str) -> str:
    """Return a text for people on one line, without the token and without the queries of addresses."""
    token = huggingface_hub.get_token()
    if token:
        text = text.replace(token, "***")
    text = re.sub(r"hf_[A-Za-z0-9]{6,}", "***", text)
    text = re.sub(r"(https?://[^\s?'\"]+)\?[^\s'\"]*", r"\1", text)
    return " ".join(text.split())[:300]
