"""Faults, injected for real, and what is left of a dataset afterwards: `python tests/faults.py` prints the table.

A fault is a function (place, turn) that spoils a build in the folder `place/data` and says how it is to be resumed.
After each, the same `generate` must give the dataset of an undisturbed run to the byte, `check` must pass, and nothing
temporary may be left. Builds run in forked children, where every file operation is a point at which they can be
killed, interrupted or refused: the points are counted, and walked one by one.
"""

import contextlib
import functools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from dataclasses import dataclass, field
from pathlib import Path

from dask_cluster import Cluster
from helpers import children, files, process, start

import synthgen
from synthgen.dataset import shards as shards_module
from synthgen.dataset.check import check_folder
from synthgen.dataset.manifest import Manifest
from synthgen.errors import SynthgenError

SMALL = {"spec": "cfg3b", "splits": ["test"], "rows": 600, "shards": 3, "workers": 1, "format": "arrow"}
"""A build for the forked children: some hundredths of a second. Its format is what `inject` is told."""

LARGE = {"spec": "bios-multi5", "params": {"people": 20_000}, "shards": 12}
COMMAND = ("generate", "bios-multi5", "--set", "people=20000", "--shards", 12)
"""A build for processes of their own: twelve shards, so that there is something to kill."""

SHARED = LARGE | {"params": {"people": 200_000}}
SHARING = ("generate", "bios-multi5", "--set", "people=200000", "--shards", 12, "--workers", 3)
"""A build that lasts until the two helpers of its first process are up."""


MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
"""Where the builds are: kills lose nothing that a disk would keep, and hundreds of syncs to a disk take minutes."""


class Passed(Exception):
    """The build was over before its turn to be spoilt came."""


@dataclass
class Resume:
    """How to go on after a fault."""

    build: dict = field(default_factory=lambda: SMALL)
    verify: bool = False
    folder: str = "data"


# ---------------------------------------------------------------------------------------------------------------------
# Children, and points in them.


def forked(work, log):
    """Run `work` in a forked child; return its exit code, negative for a signal."""
    pid = os.fork()
    if pid == 0:
        code = 70
        try:
            handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.dup2(handle, 1)
            os.dup2(handle, 2)
            sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")  # not those that pytest keeps
            signal.signal(signal.SIGINT, signal.default_int_handler)
            work()
            code = 0
        except SynthgenError as error:
            print(error, file=sys.stderr, flush=True)
            code = error.exit_code
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)
    for _ in range(12_000):
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    raise AssertionError("a build hung for two minutes")


def at_point(folder, number, act):
    """Call `act` before the file operation `number` below `folder` of this process, or in the middle of a write."""
    home, seen = os.path.abspath(folder), 0

    def point():
        nonlocal seen
        seen += 1
        if seen == number + 1:
            act()

    def hook(event, arguments):
        if event == "open":
            path, _, flags = arguments
            changes = (flags or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        else:
            path, changes = (arguments or (None,))[0], event in ("os.rename", "os.remove", "os.mkdir", "os.rmdir")
        if changes and isinstance(path, str | os.PathLike) and os.path.abspath(path).startswith(home):
            point()

    def torn_write(self, data):
        if len(data) > 1000:
            middle = len(data) // 2
            whole_write(self, bytes(data[:middle]))
            self._file.flush()
            point()
            data = bytes(data)[middle:]
        return whole_write(self, data)

    whole_write = shards_module._HashingFile.write
    shards_module._HashingFile.write = torn_write
    sys.addaudithook(hook)


def build_in_child(place, number, act, **options):
    """Build into `place/data` and `act` at point `number`; return the exit code, or raise Passed if it was over."""
    out, log = place / "data", place / "log"

    def work():
        at_point(out, number, act)
        synthgen.generate(**(SMALL | options), out=out)

    code = forked(work, log)
    if code == 0:
        raise Passed
    return code


def kill_self():
    os.kill(os.getpid(), signal.SIGKILL)


# ---------------------------------------------------------------------------------------------------------------------
# The faults.

FAULTS = {}


def fault(name, quick, long):
    """Register a fault that the test suite injects `quick` times and `make faults` up to `long` times."""

    def register(function):
        FAULTS[name] = (function, quick, long)
        return function

    return register


@fault("kill -9 of the build, at every file operation", quick=12, long=10_000)
def kill_build(place, turn, quick=False):
    code = build_in_child(place, turn * 9 if quick else turn, kill_self)
    assert code == -signal.SIGKILL, (place / "log").read_text()
    return Resume()


@fault("kill -9 again while it resumes", quick=4, long=200)
def kill_resume(place, turn, quick=False):
    chance = random.Random(turn)
    with contextlib.suppress(Passed):
        build_in_child(place, chance.randrange(10, 90), kill_self)
    with contextlib.suppress(Passed):
        build_in_child(place, chance.randrange(60), kill_self)
    return Resume()


@fault("kill -9 while a second split is added", quick=3, long=200)
def kill_added_split(place, turn, quick=False):
    synthgen.generate(**SMALL, out=place / "data")
    build_in_child(place, turn * 25 if quick else turn, kill_self, splits=["fresh:more"])
    return Resume(build=SMALL | {"splits": ["fresh:more"]})


@fault("Ctrl-C, at every file operation", quick=8, long=10_000)
def interrupt_build(place, turn, quick=False):
    code = build_in_child(place, turn * 13 if quick else turn, lambda: os.kill(os.getpid(), signal.SIGINT))
    text = (place / "log").read_text()
    assert (code, "Traceback" in text) == (130, False), text
    assert "interrupted; finished shards are kept" in text
    return Resume()


@fault("SIGTERM, at every file operation", quick=4, long=10_000)
def terminate_build(place, turn, quick=False):
    code = build_in_child(place, turn * 23 if quick else turn, lambda: os.kill(os.getpid(), signal.SIGTERM))
    text = (place / "log").read_text()
    assert (code, "Traceback" in text) == (143, False), text
    return Resume()


@contextlib.contextmanager
def tmpfs(place, options):
    """Mount a small file system at `place/disk`."""
    disk = place / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(disk)], check=True)
    try:
        yield disk
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


@fault("disk full, with ever more room", quick=6, long=80)
def full_disk(place, turn, quick=False):
    with tmpfs(place, "size=8m") as disk:
        out, room = disk / "data", (turn * 13 if quick else turn) * 8192

        def fill(*_):
            free = shutil.disk_usage(disk).free
            (disk / "filler").write_bytes(bytes(max(0, free - room)))

        refuse(lambda: synthgen.generate(**SMALL, out=out, on_plan=fill), place, ("the disk is full",))
        (disk / "filler").unlink()
        synthgen.generate(**SMALL, out=out)
        shutil.copytree(out, place / "data")
    return Resume()


@fault("no room for another file, at every file", quick=6, long=60)
def full_inodes(place, turn, quick=False):
    with tmpfs(place, f"size=8m,nr_inodes={2 + (turn * 3 if quick else turn)}") as disk:
        out = disk / "data"
        refuse(lambda: synthgen.generate(**SMALL, out=out), place, ("the disk is full", "cannot be written"))
        subprocess.run(["mount", "-o", "remount,nr_inodes=1000", str(disk)], check=True)
        synthgen.generate(**SMALL, out=out)
        shutil.copytree(out, place / "data")
    return Resume()


def refuse(work, place, messages):
    """Run `work` in a child; it must exit with 2 and one of the messages. Raises Passed if it got through."""
    code = forked(work, place / "log")
    if code == 0:
        raise Passed
    text = (place / "log").read_text()
    assert code == 2 and any(m in text for m in messages), text


@fault("a folder that becomes read-only, at every file operation", quick=6, long=10_000)
def read_only_folder(place, turn, quick=False):
    out = place / "data"
    place.chmod(0o777)

    def become_read_only():
        for folder in (out, *(path for path in out.rglob("*") if path.is_dir())):
            os.chmod(folder, 0o555)

    def work():  # root may write anywhere
        os.setgid(65534)
        os.setuid(65534)
        at_point(out, number, become_read_only)
        synthgen.generate(**SMALL, out=out)

    number = 1 + (turn * 17 if quick else turn)  # at the first one there is no folder yet
    if os.getuid() != 0:
        raise AssertionError("needs root, to become another user")
    code = forked(work, place / "log")
    if code == 0:
        raise Passed
    text = (place / "log").read_text()
    assert code == 2 and "cannot be written" in text and "Traceback" not in text, text
    for folder in (out, *(path for path in out.rglob("*") if path.is_dir())):
        folder.chmod(0o755)
    return Resume()


@fault("a read-only file system", quick=1, long=1)
def read_only_disk(place, turn, quick=False):
    with tmpfs(place, "size=8m,ro") as disk:
        refuse(lambda: synthgen.generate(**SMALL, out=disk / "data"), place, ("cannot be written",))
        subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
        synthgen.generate(**SMALL, out=disk / "data")
        shutil.copytree(disk / "data", place / "data")
    return Resume()


@fault("four writers at once", quick=3, long=40)
def many_writers(place, turn, quick=False):
    gate, children = place / "gate", []
    for number in range(4):
        pid = os.fork()
        if pid == 0:
            while not gate.exists():
                time.sleep(0.0005)
            try:
                time.sleep(0.01 * turn * number)
                handle = os.open(place / f"log{number}", os.O_WRONLY | os.O_CREAT)
                os.dup2(handle, 1)
                os.dup2(handle, 2)
                synthgen.generate(**SMALL, out=place / "data")
                os._exit(0)
            except SynthgenError as error:
                print(error, file=sys.stderr, flush=True)
                os._exit(2 if "another process" in str(error) else 3)
            except BaseException:
                traceback.print_exc()
                os._exit(70)
        children.append(pid)
    gate.touch()
    codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children]
    assert set(codes) <= {0, 2} and 0 in codes, (codes, [(place / f"log{i}").read_text() for i in range(4)])
    return Resume()


def flip(path, chance):
    """Flip one bit of a file; return what was done."""
    data = bytearray(path.read_bytes())
    at, bit = chance.randrange(len(data)), chance.randrange(8)
    data[at] ^= 1 << bit
    path.write_bytes(data)
    return f"bit {bit} of byte {at} of {path}"


def found(folder):
    """Say whether `check` finds fault with a folder."""
    try:
        return not all(finding.ok for finding in check_folder(folder, sample=0))
    except SynthgenError:
        return True


@fault("a flipped bit in a shard", quick=4, long=300)
def flip_shard(place, turn, quick=False):
    synthgen.generate(**SMALL, out=place / "data")
    chance = random.Random(turn)
    done = flip(chance.choice(sorted((place / "data/data").iterdir())), chance)
    assert found(place / "data"), f"{done} was not found"
    return Resume(verify=True)


@fault("a flipped bit in the manifest or spec", quick=8, long=500)
def flip_manifest(place, turn, quick=False):
    synthgen.generate(**SMALL, out=place / "data")
    chance = random.Random(turn)
    done = flip(place / "data" / ("spec.toml" if turn % 4 == 3 else "manifest.json"), chance)
    assert found(place / "data"), f"{done} was not found"
    return Resume(verify=True)


@fault("a flipped bit in the journal", quick=8, long=500)
def flip_journal(place, turn, quick=False):
    half_made(place)
    chance = random.Random(turn)
    entries = sorted(path for path in (place / "data/.synthgen").rglob("*") if path.is_file() and path.stat().st_size)
    flip(entries[turn % len(entries)], chance)
    return Resume()


def half_made(place):
    """Leave a build in which two shards of three are finished."""
    synthgen.generate(**SMALL, out=place / "data", rank=0, world_size=3)
    synthgen.generate(**SMALL, out=place / "data", rank=1, world_size=3)


@fault("a truncated shard", quick=2, long=60)
def truncate_shard(place, turn, quick=False):
    if turn % 2:
        half_made(place)
    else:
        synthgen.generate(**SMALL, out=place / "data")
    path = sorted((place / "data/data").iterdir())[0]
    path.write_bytes(path.read_bytes()[: random.Random(turn).randrange(path.stat().st_size)])
    return Resume()


@fault("a clock that jumps: 1971, 2099, backwards, a thousand times as fast", quick=0, long=4)
def jumping_clock(place, turn, quick=False):
    import libfaketime

    folder = Path(libfaketime.__file__).parent / "vendor/libfaketime/src"
    preload = {**os.environ, "LD_PRELOAD": str(folder / "libfaketime.so.1"), "FAKETIME_NO_CACHE": "1"}
    clock, out = place / "clock", place / "data"
    clock.write_text(["@1971-02-03 00:00:00", "+75y", "-20y x1000", "+0"][turn % 4])
    running = start(*COMMAND, "--out", out, "--workers", 2, env={**preload, "FAKETIME_TIMESTAMP_FILE": str(clock)})
    after_shards(out, 1, running)
    clock.write_text(["+75y", "-30y", "+0", "-20y x1000"][turn % 4])  # it jumps under the running build
    after_shards(out, 5, running)
    end(running, running.pid, signal.SIGKILL)
    for path in out.rglob("*"):
        os.utime(path, (turn * 10**9, turn * 10**9))
    done = process(*COMMAND, "--out", out, env={**preload, "FAKETIME": "-45y"})
    assert done.returncode == 0, done.stderr
    return Resume(build=LARGE)


def after_shards(out, number, running):
    """Wait until `number` shards are finished."""
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline and running.poll() is None:
        if (out / "data").is_dir() and len(list((out / "data").glob("*.arrow"))) >= number:
            return
        time.sleep(0.002)
    running.kill()
    raise AssertionError(f"no {number} shards: {running.communicate(timeout=60)}")


def end(running, target, number):
    """Send a signal to a process (a process group, if negative); return (exit code, stderr) of `running`."""
    (os.kill if target > 0 else os.killpg)(abs(target), number)
    _, errors = running.communicate(timeout=120)
    return running.returncode, errors


@fault("kill -9 of a local worker", quick=0, long=5)
def kill_worker(place, turn, quick=False):
    running = start(*SHARING, "--out", place / "data")
    after_shards(place / "data", 1 + turn, running)
    code, errors = end(running, children(running.pid)[turn % 2], signal.SIGKILL)
    assert code == 0 and "a worker was killed" in errors, errors
    return Resume(build=SHARED)


@fault("kill -9 of the parent of two workers", quick=0, long=5)
def kill_parent(place, turn, quick=False):
    running = start(*SHARING, "--out", place / "data")
    after_shards(place / "data", 1 + turn, running)
    own = children(running.pid)
    end(running, running.pid, signal.SIGKILL)
    gone(own)
    return Resume(build=SHARED)


@fault("Ctrl-C to parent and workers", quick=0, long=5)
def interrupt_workers(place, turn, quick=False):
    running = start(*SHARING, "--out", place / "data")
    after_shards(place / "data", 1 + turn, running)
    code, errors = end(running, -running.pid, signal.SIGINT)
    assert code == 130 and "the same command goes on from here" in errors, errors
    assert "Traceback" not in errors, errors
    return Resume(build=SHARED)


@fault("kill -9 of one of three Dask workers", quick=0, long=3)
def kill_dask_worker(place, turn, quick=False):
    with Cluster(3, place / "dask-log") as cluster:
        running = start(*COMMAND, "--out", place / "data", "--engine", "dask", "--scheduler", cluster.address)
        after_shards(place / "data", 1, running)
        code, errors = end(running, cluster.workers[turn % 3].pid, signal.SIGKILL)
    assert code == 0 and "was lost; what it had not finished is made again" in errors, errors
    assert not (place / "data/.synthgen").exists(), "completed without the dead worker"
    return Resume(build=LARGE)


@fault("kill -9 of the Dask scheduler", quick=0, long=3)
def kill_dask_scheduler(place, turn, quick=False):
    with Cluster(2, place / "dask-log") as cluster:
        running = start(*COMMAND, "--out", place / "data", "--engine", "dask", "--scheduler", cluster.address)
        after_shards(place / "data", 1 + turn, running)
        code, errors = end(running, cluster.scheduler.pid, signal.SIGKILL)
    assert code == 2 and "the connection to the scheduler was lost" in errors, errors
    assert "Traceback" not in errors, errors
    return Resume(build=LARGE)


@fault("kill -9 of the Dask client; its workers live on", quick=0, long=3)
def kill_dask_client(place, turn, quick=False):
    with Cluster(2, place / "dask-log") as cluster:
        arguments = (*COMMAND, "--out", place / "data", "--engine", "dask", "--scheduler", cluster.address)
        running = start(*arguments)
        after_shards(place / "data", 1 + turn, running)
        end(running, running.pid, signal.SIGKILL)
        done = process(*arguments)  # the same workers may still be busy with the first one's shards
        assert done.returncode == 0, done.stderr
    return Resume(build=LARGE)


@fault("Ctrl-C with a cluster of its own", quick=0, long=2)
def interrupt_own_cluster(place, turn, quick=False):
    running = start(*COMMAND, "--out", place / "data", "--engine", "dask", "--workers", 2)
    after_shards(place / "data", 1 + turn, running)
    own = children(running.pid)
    code, errors = end(running, -running.pid, signal.SIGINT)
    assert code == 130 and "the same command goes on from here" in errors and "Traceback" not in errors, errors
    gone(own)
    return Resume(build=LARGE)


@fault("kill -9 with a cluster of its own", quick=0, long=2)
def kill_own_cluster(place, turn, quick=False):
    running = start(*COMMAND, "--out", place / "data", "--engine", "dask", "--workers", 2)
    after_shards(place / "data", 1 + turn, running)
    own = children(running.pid)
    end(running, running.pid, signal.SIGKILL)
    gone(own)
    return Resume(build=LARGE)


def gone(pids):
    """See that processes end by themselves."""
    deadline = time.monotonic() + 30
    while any(os.path.exists(f"/proc/{pid}") for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.05)
    left = [pid for pid in pids if os.path.exists(f"/proc/{pid}")]
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert not left, f"workers outlived their parent: {left}"


# ---------------------------------------------------------------------------------------------------------------------
# The harness.


@dataclass
class Outcome:
    """What became of a fault: how often it was injected, how often survived, and how many rows were lost."""

    fault: str
    injected: int = 0
    survived: int = 0
    rows_lost: int = 0
    failures: list = field(default_factory=list)


@functools.cache
def undisturbed(key):
    """Return the folder of a build that nothing happened to."""
    folder = Path(tempfile.mkdtemp(prefix="synthgen-faults-", dir=MEMORY)) / "data"
    synthgen.generate(**json.loads(key), out=folder)
    return folder


def reference(resume):
    """Return the folder that a resumed build must equal."""
    if resume.build.get("splits") == ["fresh:more"]:
        folder = undisturbed(json.dumps(SMALL)).parent / "more"
        if not folder.exists():
            shutil.copytree(undisturbed(json.dumps(SMALL)), folder)
            synthgen.generate(**resume.build, out=folder)
        return folder
    return undisturbed(json.dumps(resume.build))


def inject(name, times, quick=False, container="arrow"):
    """Inject a fault up to `times` times, or until it runs out of points; return its `Outcome`."""
    SMALL["format"] = container
    function, outcome = FAULTS[name][0], Outcome(name)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job, and its children, ignore it
    undisturbed(json.dumps(SMALL))  # children are forked from a process whose kernels are compiled
    for turn in range(times):
        place = Path(tempfile.mkdtemp(prefix="synthgen-fault-", dir=MEMORY))
        try:
            resume = function(place, turn, quick)
            outcome.injected += 1
            folder = place / resume.folder
            synthgen.generate(**resume.build, out=folder, verify=resume.verify)
            whole = reference(resume)
            outcome.rows_lost += rows_lost(folder, whole)
            left = files(folder)
            assert left == files(whole), sorted(left.items() ^ files(whole).items())[:4]
            assert not (folder / ".synthgen").exists()
            sample = 0 if turn else 0.002 if quick and resume.build is LARGE else 0.1
            assert all(finding.ok for finding in check_folder(folder, sample=sample))
            outcome.survived += 1
        except Passed:
            break
        except Exception as error:
            outcome.failures.append(f"turn {turn}: {type(error).__name__}: {error}")
            outcome.injected += not outcome.injected
        finally:
            shutil.rmtree(place, ignore_errors=True)
    return outcome


def rows_lost(folder, whole):
    """Return how many rows of the undisturbed dataset are not in a folder."""
    there = {shard.path: shard.content for shard in Manifest.read(folder).shards}
    return sum(s.rows for s in Manifest.read(whole).shards if there.get(s.path) != s.content)


def main():
    """Print the table of all faults, of those whose names hold a word given, or (--quick NAME...) of some, a few times.

    --format=NAME, before them, has small builds of that container.
    """
    arguments = sys.argv[1:]
    container = arguments.pop(0).partition("=")[2] if arguments and arguments[0].startswith("--format=") else "arrow"
    few = arguments[:1] == ["--quick"]
    words = arguments[1:] if few else arguments
    failed = False
    print(f"{'fault':<75}{'injected':>9}{'survived':>9}{'rows lost':>10}", flush=True)
    for name, (_, quick, long) in FAULTS.items():
        if words and not any(word == name if few else word in name for word in words):
            continue
        outcome = inject(name, quick if few else long, few, container)
        print(f"{name:<75}{outcome.injected:>9}{outcome.survived:>9}{outcome.rows_lost:>10}", flush=True)
        for failure in outcome.failures[:5]:
            print("    " + failure[:2000])
        failed |= bool(outcome.failures) or not outcome.injected
    sys.exit(failed)


if __name__ == "__main__":
    main()
