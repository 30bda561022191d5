"""Processes that are killed: files are whole, and trainings go on from checkpoints."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kills forked processes")

# One process imports the package and forks those that are killed: a hundred imports are slow.
KILLING = """
import os, random, signal, sys, time, warnings
import numpy as np
import mlpcore

warnings.simplefilter("ignore")
random.seed(0)
rng = np.random.default_rng(0)

def killed(work, seconds):
    "Whether the process doing some work was killed after so many seconds, before its end."
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:
            import traceback
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    status = os.waitpid(child, 0)[1]
    if os.WIFEXITED(status) and os.WEXITSTATUS(status):
        sys.exit("the child failed")
    return os.WIFSIGNALED(status)
"""

SAVES = """
X, y = rng.normal(size=(300, 200)), np.arange(300) % 3
models = [mlpcore.MLP((300,), max_iter=1, random_state=seed).fit(X, y) for seed in range(2)]
models[0].save("m")
contents = []
for model in models:
    model.save("whole")
    contents.append(open("whole", "rb").read())

def save_again_and_again():
    while True:
        for model in models:
            model.save("m")

n_killed, found = 0, set()
for _ in range(100):
    n_killed += killed(save_again_and_again, random.uniform(0, 0.03))
    content = open("m", "rb").read()
    assert content in contents
    found.add(contents.index(content))
    mlpcore.load("m")
partly = [name for name in os.listdir() if name.startswith(".m.")]
assert len(partly) > 0, "none was killed while it wrote"
print(n_killed, len(found))
"""


def run(program, directory):
    done = subprocess.run(
        [sys.executable, "-c", KILLING + program], cwd=directory, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_a_file_is_old_or_new_whenever_its_writer_is_killed(tmp_path):
    n_killed, n_found = map(int, run(SAVES, tmp_path))
    assert (n_killed, n_found) == (100, 2)
