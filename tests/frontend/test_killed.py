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


FITS = """
from sklearn.datasets import make_classification

X, y = make_classification(200, 8, n_informative=6, n_classes=3, random_state=0)
X_val, y_val = X[:40] + 0.1, y[:40]
stream = np.random.RandomState(5)
TRAININGS = [
    {"dropout": 0.2, "early_stopping": True, "n_iter_no_change": 500, "learning_rate_init": 0.1},
    {"solver": "sgd", "learning_rate": "adaptive", "n_iter_no_change": 3, "tol": 1e-3},
    {"solver": "adamw", "learning_rate": "plateau", "warmup_epochs": 30, "dtype": "float32"},
    {"learning_rate": "one_cycle", "max_grad_norm": 0.1, "random_state": stream},
    {"validated": True, "early_stopping": True, "restore_best": False, "tol": 0.0},
    {"early": True, "warm_start": True, "learning_rate": "cosine"},
    {"early": True, "resume": True, "solver": "sgd", "warmup_epochs": 80},
]

def fitted(directory, validated=False, early=False, **own):
    "Return a model after a fit, the second one if there is to be an early one."
    params = {"max_iter": 60, "random_state": 0, "batch_size": 50} | own
    if isinstance(params["random_state"], np.random.RandomState):
        params["random_state"] = np.random.RandomState(5)
    model = mlpcore.MLP((10, 5), **params)
    if early:
        model.fit(X, y)
    model.set_params(checkpoint=directory, checkpoint_every=random.randint(1, 5))
    return model.fit(X, y, **({"X_val": X_val, "y_val": y_val} if validated else {}))

def everything(model):
    "Return all that a model is, but for seconds, as text."
    model = mlpcore.load(model) if isinstance(model, str) else model
    state = model.__getstate__()
    state["history_"] = {k: v for k, v in state["history_"].items() if k != "seconds"}
    if isinstance(model.random_state, np.random.RandomState):
        state["random_state"] = model.random_state.get_state()
    if "_stopped" in state:
        state["_stopped"] = state["_stopped"] | {"stream": state["_stopped"]["stream"].get_state()}
    for name in ("checkpoint", "checkpoint_every"):
        del state[name]
    with np.printoptions(threshold=sys.maxsize, floatmode="unique"):
        return repr(sorted(state.items()))

def fit_and_save(own):
    fitted("here", **own).save("done")

n_killed = n_found = rounds = 0
while n_killed < 50:
    for own in TRAININGS:
        start = time.monotonic()
        fitted("reference", **own).save("whole")
        seconds = time.monotonic() - start
        while killed(lambda: fit_and_save(own), random.uniform(0, seconds)):
            n_killed += 1
            seconds *= 1.1  # a busy machine may never be as quick again
            n_found += os.path.exists("here/checkpoint.safetensors")
        assert everything("done") == everything("whole"), own
        assert os.listdir("here") == os.listdir("reference") == [], os.listdir("here")
print(n_killed, n_found)
"""


def test_a_fit_that_is_killed_goes_on_bit_by_bit(tmp_path):
    n_killed, n_found = map(int, run(FITS, tmp_path))
    assert n_killed >= 50
    assert n_found >= 25
