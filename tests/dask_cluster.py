"""A real Dask cluster on this machine: a scheduler and worker processes, each of which can be killed."""

import os
import signal
import socket
import subprocess
import sys
import time


class Cluster:
    """A scheduler and `workers` workers without nannies: a killed worker stays dead. Use as a context."""

    def __init__(self, workers, log):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.address = f"tcp://127.0.0.1:{port}"
        self._log = open(log, "w")  # noqa: SIM115 (closed on exit)
        self.scheduler = self._start("scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-show")
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        self.workers = [self.add_worker() for _ in range(workers)]

    def add_worker(self):
        return self._start("worker", self.address, "--nthreads", "1", "--no-nanny", "--memory-limit", "0")

    def _start(self, kind, *arguments):
        command = [sys.executable, "-m", f"distributed.cli.dask_{kind}", *arguments, "--no-dashboard"]
        return subprocess.Popen(command, stdout=self._log, stderr=self._log, start_new_session=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in (*self.workers, self.scheduler):
            if process.poll() is None:
                os.kill(process.pid, signal.SIGKILL)
            process.wait()
        self._log.close()
