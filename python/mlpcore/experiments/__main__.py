"""Command line of the main job: ``python -m mlpcore.experiments``."""

import argparse
import os
import sys
from pathlib import Path

INTERRUPTED, USAGE = 130, 2


def positive(text: str) -> int:
    """Return a positive integer from the command line."""
    value = int(text)
    if value < 1:
        raise ValueError(text)
    return value


def parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(
        prog="python -m mlpcore.experiments",
        description="Train the report's best network on MNIST.",
    )
    parser.add_argument("--epochs", type=positive, default=100, help="default: 100")
    parser.add_argument("--seed", type=int, default=42, help="of the initial weights; default: 42")
    parser.add_argument(
        "--out", type=Path, default=Path("runs/best"), help="directory; default: runs/best"
    )
    parser.add_argument("--data-home", type=Path, help="directory with the files of MNIST")
    options = parser.parse_args(arguments)
    if not 0 <= options.seed < 2**32:
        parser.error(f"argument --seed: {options.seed} is not in 0 to 2^32 - 1")
    try:
        options.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        parser.error(f"argument --out: cannot make {options.out}: {error.strerror}")
    if not os.access(options.out, os.W_OK):
        parser.error(f"argument --out: cannot write to {options.out}")
    return options


def run(options: argparse.Namespace) -> int:
    """Load what the job needs, and do it; returns the exit code."""
    try:
        from rich.console import Console

        from mlpcore.experiments._best import run_best
        from mlpcore.experiments._data import load_split
    except ImportError as error:
        print(f'{error}: run pip install "mlpcore[experiments]"', file=sys.stderr)
        return USAGE
    # Paths are printed as they are, whatever brackets and colons they have.
    console = Console(markup=False, emoji=False, highlight=False)
    split = load_split(options.data_home)
    finished = run_best(split, options.out, console, epochs=options.epochs, seed=options.seed)
    return 0 if finished else INTERRUPTED


def main(arguments: list[str] | None = None) -> int:
    """Run the main job; returns the exit code."""
    options = parse_arguments(arguments)
    try:
        return run(options)
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return INTERRUPTED
    except OSError as error:
        print(f"error: {error}", file=sys.stderr)
        return USAGE


if __name__ == "__main__":
    sys.exit(main())
