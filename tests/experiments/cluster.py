"""A Dask cluster on this machine: a scheduler and workers of one thread, each a process."""

import json
import os
import subprocess
import sys
import time


class Cluster:
    """A scheduler and two workers; a context manager, which kills what it started."""

    def __init__(self, directory):
        self._file, self._processes = directory / "scheduler.json", []
        self._start("scheduler", "--port", "0", "--no-show")
        for _ in range(2):
            self.add_worker()
        deadline = time.monotonic() + 60
        while not self._file.exists() or not self._file.stat().st_size:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        self.address = json.loads(self._file.read_text())["address"]

    def add_worker(self):
        return self._start("worker", "--nthreads", "1", "--no-nanny")

    def _start(self, what, *arguments):
        # Nothing but the cluster says how many threads there are.
        environment = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")}
        process = subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.dask_{what}", "--host", "127.0.0.1",
             "--no-dashboard", "--scheduler-file", str(self._file), *arguments],
            cwd=self._file.parent, env=environment,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self._processes.append(process)
        return process

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        for process in self._processes:
            process.kill()
            process.wait()
