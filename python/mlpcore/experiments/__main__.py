"""The command line: ``mlpcore``, or ``python -m mlpcore.experiments``."""

import sys


def main(arguments: list[str] | None = None) -> int:
    """Run a command; returns the exit code."""
    try:
        from mlpcore.experiments._commands import app
    except ImportError as error:
        print(f'{error}: run pip install "mlpcore[experiments]"', file=sys.stderr)
        return 2
    try:
        app(arguments, prog_name="mlpcore")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
