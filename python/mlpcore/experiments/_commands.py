"""The commands: what they take, checked before anything is done."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mlpcore.experiments import _options

if TYPE_CHECKING:
    from rich.console import Console

INTERRUPTED, USAGE, FAILED = 130, 2, 1

app = typer.Typer(
    help="The experiments of a course report on two-layer networks, and variations of them.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def directory(path: Path) -> Path:
    """Make a directory for results, or say why that is not possible."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise typer.BadParameter(f"cannot make {path}: {error.strerror}") from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise typer.BadParameter(f"cannot write to {path}")
    return path


# Options of several commands.
DataHome = Annotated[
    Path | None, typer.Option(help="Directory with the files of the data sets.", metavar="DIR")
]
Epochs = Annotated[int, typer.Option(parser=_options.integer(1), metavar="N")]
Seed = Annotated[
    int,
    typer.Option(
        help="Of the initial weights.", parser=_options.integer(0, 2**32 - 1), metavar="N"
    ),
]
Jobs = Annotated[
    int | None,
    typer.Option(
        help="Trainings at a time; default: one a core, of this machine or of the cluster.",
        parser=_options.integer(1),
        metavar="N",
    ),
]
BackendName = Annotated[
    str, typer.Option("--backend", help="Who trains: loky (processes here), dask, ray.")
]
Scheduler = Annotated[
    str | None,
    typer.Option(help="Address of the Dask scheduler or the Ray cluster.", metavar="ADDRESS"),
]
Out = Annotated[
    Path,
    typer.Option(help="Where to write.", callback=directory, readable=False, metavar="DIR"),
]


@contextmanager
def told() -> Iterator["Console"]:
    """Yield a console; what ends a command early is told in a line."""
    try:
        from rich.console import Console

        # Paths are printed as they are, whatever brackets and colons they have.
        yield Console(markup=False, emoji=False, highlight=False)
    except KeyboardInterrupt as error:
        print("Interrupted.", file=sys.stderr)
        raise typer.Exit(INTERRUPTED) from error
    except ImportError as error:
        print(f'{error}: run pip install "mlpcore[experiments]"', file=sys.stderr)
        raise typer.Exit(USAGE) from error
    except (OSError, ValueError) as error:
        print(f"error: {reason(error)}", file=sys.stderr)
        raise typer.Exit(USAGE) from error


def reason(error: Exception) -> str:
    """Return what went wrong, a system's error without its number."""
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return str(error)


def end(failures: list[str]) -> None:
    """Tell which trainings failed; the exit code says that some did."""
    for failure in failures:
        print(f"failed: {failure}", file=sys.stderr)
    if failures:
        raise typer.Exit(FAILED)


@app.command()
def best(
    epochs: Epochs = 100,
    seed: Seed = 42,
    out: Out = Path("runs/best"),
    data_home: DataHome = None,
) -> None:
    """Train the report's best network on MNIST, and show it beside the report."""
    with told() as console:
        from mlpcore.experiments import _data
        from mlpcore.experiments._best import run_best

        split = _data.load_split(data_home)
        if not run_best(split, out, console, epochs=epochs, seed=seed):
            raise typer.Exit(INTERRUPTED)


TABLE_NAMES = [f"table{number}" for number in range(1, 7)]


def tables(names: list[str]) -> list[str]:
    """Return the names of tables, "all" replaced; or say which are allowed."""
    for name in names:
        if name not in (*TABLE_NAMES, "all"):
            raise typer.BadParameter(f"{name!r}: allowed are {', '.join(TABLE_NAMES)}, all")
    return TABLE_NAMES if "all" in names else list(dict.fromkeys(names))


@app.command()
def reproduce(
    table: Annotated[
        list[str], typer.Argument(callback=tables, metavar="TABLE...", help="table1 to table6, all")
    ],
    runs: Annotated[
        str, typer.Option(help="Of Tables II and III: a list such as 1,10-12.")
    ] = "1-18",
    seeds: Annotated[str, typer.Option(help="Of the initial weights.")] = "42,268,975",
    dtype: Annotated[str, typer.Option(help="float64, float32, or both.")] = "float64",
    bias: Annotated[
        str,
        typer.Option(help="layer: one bias a layer, as the report had; unit: one a unit; or both."),
    ] = "layer",
    epochs: Epochs = 100,
    out: Out = Path("runs/report"),
    jobs: Jobs = None,
    backend: BackendName = "loky",
    scheduler: Scheduler = None,
    data_home: DataHome = None,
) -> None:
    """Train what tables of the report need, and show them beside the report's.

    What is finished already is not trained again: a call after an interruption goes on.
    """
    run_numbers = _options.numbers("--runs", runs, range(1, 19))
    seed_numbers = _options.seeds("--seeds", seeds)
    dtypes = _options.names("--dtype", dtype, ("float64", "float32"))
    biases = _options.names("--bias", bias, ("layer", "unit"))
    _options.workers(backend, scheduler)
    with told() as console:
        from mlpcore.experiments import _reproduce
        from mlpcore.experiments._workers import Backend

        request = _reproduce.Request(
            tables=[TABLE_NAMES.index(name) + 1 for name in table],
            runs=run_numbers,
            seeds=seed_numbers,
            dtypes=dtypes,
            biases=biases,
            epochs=epochs,
            out=out,
            data_home=data_home,
            backend=Backend(backend, jobs, scheduler),
        )
        end(_reproduce.reproduce(request, console))


@app.command()
def train(
    hidden: Annotated[
        str, typer.Option(help="Units of each hidden layer, such as 300,100.")
    ] = "500",
    activation: Annotated[str, typer.Option(help="identity, logistic, tanh, relu.")] = "tanh",
    out_activation: Annotated[
        str | None,
        typer.Option(help="identity, logistic, tanh, softmax; default: what suits the loss."),
    ] = None,
    loss: Annotated[str, typer.Option(help="mse, log_loss.")] = "mse",
    solver: Annotated[str, typer.Option(help="sgd, adam.")] = "sgd",
    lr: Annotated[
        float, typer.Option(help="Learning rate.", parser=_options.real, metavar="X")
    ] = 0.09,
    momentum: Annotated[
        float, typer.Option(help="For sgd.", parser=_options.real, metavar="X")
    ] = 0.0,
    alpha: Annotated[
        float,
        typer.Option(
            help="L2 regularization, the report's lambda.", parser=_options.real, metavar="X"
        ),
    ] = 0.0,
    batch_size: Annotated[int, typer.Option(parser=_options.integer(1), metavar="N")] = 100,
    epochs: Epochs = 100,
    shuffle: Annotated[bool, typer.Option(help="Permute the samples anew every epoch.")] = False,
    bias: Annotated[str, typer.Option(help="layer, unit.")] = "unit",
    weight_init: Annotated[str, typer.Option(help="normal, glorot_uniform.")] = "normal",
    dtype: Annotated[str, typer.Option(help="float64, float32.")] = "float64",
    seeds: Annotated[str, typer.Option(help="Of the initial weights.")] = "42,268,975",
    data: Annotated[str, typer.Option(help="mnist, fashion-mnist, digits, FILE.npz")] = "mnist",
    out: Out = Path("runs/train"),
    jobs: Jobs = None,
    backend: BackendName = "loky",
    scheduler: Scheduler = None,
    data_home: DataHome = None,
) -> None:
    """Train a variation of an experiment; rows of results are added to DIR/results.jsonl.

    FILE.npz holds X and y, of which a fifth each is kept for validation and test, or
    X_train, y_train, X_val, y_val, X_test and y_test.
    """
    units = _options.numbers("--hidden", hidden, range(1, 10**6), distinct=False)
    seed_numbers = _options.seeds("--seeds", seeds)
    _options.workers(backend, scheduler)
    with told() as console:
        from mlpcore.experiments import _variation
        from mlpcore.experiments._workers import Backend

        settings = _variation.settings(
            hidden_layer_sizes=units,
            activation=activation,
            out_activation=out_activation,
            loss=loss,
            solver=solver,
            learning_rate_init=lr,
            momentum=momentum,
            alpha=alpha,
            batch_size=batch_size,
            max_iter=epochs,
            shuffle=shuffle,
            bias=bias,
            weight_init=weight_init,
            dtype=dtype,
        )
        workers = Backend(backend, jobs, scheduler)
        end(_variation.vary(settings, seed_numbers, data, data_home, out, workers, console))


@app.command()
def show(
    file: Annotated[Path, typer.Argument(help="A results file.", metavar="FILE")],
    plot: Annotated[
        Path | None, typer.Option(help="Picture of the learning curves; default: FILE.png.")
    ] = None,
) -> None:
    """Tabulate the rows of a results file, and plot their learning curves."""
    with told() as console:
        from mlpcore.experiments import _show

        _show.show(file, plot or file.with_suffix(".png"), console)
