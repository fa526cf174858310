"""Shared settings and fixtures."""

import os
import subprocess
import tempfile

import pytest
from hypothesis import settings

# No deadlines, since kernels compile on first use; fixed examples, so that a red run is red again.
settings.register_profile("default", deadline=None, derandomize=True, max_examples=40, database=None)
settings.load_profile("default")
os.environ.setdefault("OMP_NUM_THREADS", "1")  # tests run beside each other: threads of one would wait for the others
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("SYNTHGEN_TEXTS", os.path.join(tempfile.gettempdir(), f"synthgen-texts-{os.getuid()}"))
os.environ.setdefault("HF_DATASETS_DISABLE_PROGRESS_BARS", "1")


def pytest_addoption(parser):
    parser.addoption("--quick", action="store_true", help="the contract of one spec a task, and every golden row")


def pytest_collection_modifyitems(config, items):
    """With --quick, leave out whatever takes a shipped spec, but for one spec a task and the golden rows of all."""
    if not config.getoption("--quick"):
        return
    from helpers import SPECS

    def is_kept(item):
        spec = getattr(item, "callspec", None) and item.callspec.params.get("source")
        return spec is None or spec in SPECS.values() or "golden" in item.name

    config.hook.pytest_deselected(items=[item for item in items if not is_kept(item)])
    items[:] = [item for item in items if is_kept(item)]


@pytest.fixture
def small_disk(tmp_path):
    """A real file system of 8 MB, to be filled."""
    folder = tmp_path / "small-disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)], capture_output=True, text=True
    )
    if mounted.returncode != 0:
        pytest.skip(f"needs the right to mount a tmpfs: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)
