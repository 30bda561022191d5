"""The house: which module may know which, what lies where, and how long a file is."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CORE, FRONT = ROOT / "mlpcore", ROOT / "python" / "mlpcore"

# From the ground up: a module may import what stands on a line before its own.
FLOORS = [
    ["_types", "_version", "_levels", "_pace", "_atomic", "_threads", "_streams"],
    ["_blas", "_mpi", "_run", "_team", "_safetensors", "_columns", "_block_cache"],
    ["_finite", "_rows", "_published"],
    ["_activations", "_dropout", "_optimizers", "_header", "_source", "_ranks"],
    ["_layers", "_sparse", "_losses", "_classes", "_arrow", "_feed", "_alike"],
    ["_network", "_open_stream"],
    ["_small_layers"],
    ["_steps", "_first_layer", "_forward_state"],
    ["_small"],
    ["_training", "_model_file"],
    ["_forward"],
    ["_predictor"],
    ["_initialization", "_outputs", "_labels", "_parameters", "_reports", "datasets"],
    ["_computation", "_call", "_schedules", "_validation", "_config"],
    ["_problem", "_draws"],
    ["_history", "_training_state", "_onnx"],
    ["_saving", "_lbfgs"],
    ["_model", "_checkpoint"],
    ["_stochastic"],
    ["_base", "_classifier_parameters", "_regressor_parameters"],
    ["_classifier", "_regressor"],
    ["_loading"],
    ["__init__"],
    ["experiments"],
]
HEIGHT = {name: height for height, names in enumerate(FLOORS) for name in names}
SOURCES = sorted([*CORE.glob("*.p[yx][xd]"), *FRONT.rglob("*.py"), *FRONT.glob("*.pyi")])


def room(path):
    """The module or package of ours that a file belongs to."""
    if path.parent in (CORE, FRONT):
        return path.stem
    return path.relative_to(FRONT).parts[0]


def imported(path):
    """The rooms that a file imports."""
    text = path.read_text()
    found = re.findall(r"^\s*(?:from|c?import) mlpcore\.(\w+)", text, re.MULTILINE)
    for names in re.findall(r"^\s*from mlpcore c?import (.+)$", text, re.MULTILINE):
        found += [n if n in HEIGHT else "__init__" for n in re.findall(r"\w+", names)]
    return set(found)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_one_way(path):
    own = room(path)
    above = {name for name in imported(path) - {own} if HEIGHT[name] >= HEIGHT[own]}
    assert not above, f"{own} knows {above}"


def test_sees_the_imports():
    assert imported(CORE / "_training.pyx") >= {"_network", "_rows", "_steps"}
    assert "_classifier" in imported(FRONT / "__init__.py")


def test_one_module_knows_the_blas():
    knows = [p.name for p in SOURCES if "cython_blas" in p.read_text()]
    assert knows == ["_blas.pyx"]


def test_one_module_calls_mpi():
    assert [p.name for p in SOURCES if "MPI_Allreduce" in p.read_text()] == [
        "_mpi.pyx",
        "_ranks.py",
    ]
    assert not [p.name for p in SOURCES if "import mpi4py" in p.read_text()]


def test_core_is_no_package():
    assert not list(CORE.glob("*.py"))


def test_no_stem_twice():
    assert not {p.stem for p in CORE.glob("*.pyx")} & {p.stem for p in FRONT.glob("*.py")}


@pytest.mark.parametrize(
    "path",
    [*SOURCES, *(ROOT / "tests").rglob("*.py"), *(ROOT / "benchmarks").rglob("*.py")],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_files_are_short(path):
    assert len(path.read_text().splitlines()) <= 350
