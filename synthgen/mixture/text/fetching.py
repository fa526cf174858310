"""Files of a dataset repository on the Hub, fetched into the cache of the Hub's own client before any row is made."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from synthgen.errors import SynthgenError
from synthgen.mixture.text.fields import Repository


def fetched(repository: Repository, patterns: Sequence[str]) -> Path:
    """Return the folder with the files of a repository that fit any of the patterns; what is there is not fetched.

    Raises SynthgenError, without a token or a signed address in it, where they cannot be had.
    """
    import huggingface_hub
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError
    from huggingface_hub.utils import disable_progress_bars  # type: ignore[attr-defined]

    name, commit = repository
    disable_progress_bars()
    try:
        folder = huggingface_hub.snapshot_download(
            name, repo_type="dataset", revision=commit, allow_patterns=list(patterns)
        )
    except LocalEntryNotFoundError:
        raise _failure(name, commit, "it is not in the cache, and the Hub cannot be reached") from None
    except HfHubHTTPError as error:
        status = error.response.status_code
        why = {401: "there is no such repository, or the token is none", 403: "the token may not read it"}
        there = why.get(status, "no such repository or commit" if status == 404 else f"the Hub says {status}")
        raise _failure(name, commit, there) from None
    except (OSError, ValueError, RuntimeError) as error:
        raise _failure(name, commit, type(error).__name__) from None
    return Path(folder)


def _failure(name: str, commit: str, why: str) -> SynthgenError:
    return SynthgenError(
        f"params.component: text = 'hub:{name}@{commit[:12]}...': cannot be fetched: {why}; check name and commit, the "
        "network (HF_HUB_OFFLINE, HF_ENDPOINT), and `hf auth whoami`"
    )
