"""A peer in a process of its own: reads one request a line, answers with one line of JSON.

load WORKLOAD VARIANT    {"loss": ...}, or {"missing": why}
run WORKLOAD             {"seconds": of one epoch or prediction}
"""

import importlib
import json
import sys
import time
import warnings
from typing import Any

from workloads import make_task


def main(name: str) -> None:
    """Serve until the input ends."""
    # Few epochs, small first batches and new interfaces are meant here.
    warnings.simplefilter("ignore")
    module = importlib.import_module(f"{name}_peer")
    loaded: dict[str, Any] = {}
    answer: dict[str, Any] = {
        "version": module.VERSION, "variants": module.VARIANTS,
        "kernels": getattr(module, "KERNELS", ""),
    }  # fmt: skip
    out, sys.stdout = sys.stdout, sys.stderr  # what a library prints is no answer
    print(json.dumps(answer), file=out, flush=True)
    for line in sys.stdin:
        verb, workload_name, *variant = line.split()
        if verb == "load":
            try:
                peer = module.Peer(make_task(workload_name), *variant)
                answer = {"loss": peer.loss()}
                loaded[workload_name] = peer
            except NotImplementedError as why:
                answer = {"missing": str(why)}
        else:
            peer = loaded[workload_name]
            workload = peer.task.workload
            run = peer.predict if workload.rows else peer.train
            start = time.perf_counter()
            run(workload.repeats)
            answer = {"seconds": (time.perf_counter() - start) / workload.repeats}
        print(json.dumps(answer), file=out, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
