"""Values of the command line's options: numbers, lists of them, and names."""

from collections.abc import Callable, Sequence
from math import inf

import typer

BACKENDS = ("loky", "dask", "ray")


def integer(smallest: int, largest: float = inf) -> Callable[[object], int]:
    """Return the parser of a whole number within limits."""

    def parse(text: object) -> int:
        try:
            number = int(str(text))
        except ValueError:
            number = None
        if number is None or not smallest <= number <= largest:
            limits = f"at least {smallest}" if largest == inf else f"{smallest} to {largest}"
            raise typer.BadParameter(f"{text!r}: needs a whole number, {limits}")
        return number

    parse.__name__ = "int"
    return parse


def real(text: object) -> float:
    """Return a number; which ones are allowed is for the network to say."""
    try:
        return float(str(text))
    except ValueError:
        raise typer.BadParameter(f"{text!r}: needs a number") from None


def numbers(option: str, text: str, allowed: range, *, distinct: bool = True) -> list[int]:
    """Return the numbers of a list such as "1,10-12".

    Parameters
    ----------
    option, text : str
        Name and value of the option.
    allowed : range
    distinct : bool, default=True
        Each number once, at its first place.

    Raises
    ------
    typer.BadParameter
    """
    found: list[int] = []
    for piece in text.split(","):
        first, dash, last = (part.strip() for part in piece.partition("-"))
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise bad(option, f"{text!r}: needs numbers and ranges, such as 1,10-12")
        ends = int(first), int(last if dash else first)
        for number in ends:
            if number not in allowed:
                raise bad(option, f"{text!r}: {number} is not in {allowed[0]} to {allowed[-1]}")
        if ends[0] > ends[1]:
            raise bad(option, f"{text!r}: {piece.strip()} ends before it begins")
        found += range(ends[0], ends[1] + 1)
    return list(dict.fromkeys(found)) if distinct else found


def seeds(option: str, text: str) -> list[int]:
    """Return a list of seeds."""
    return numbers(option, text, range(2**32))


def names(option: str, text: str, allowed: Sequence[str]) -> list[str]:
    """Return a list of names, each once."""
    found = [piece.strip() for piece in text.split(",")]
    for name in found:
        if name not in allowed:
            raise bad(option, f"{name!r}: allowed are {', '.join(allowed)}")
    return list(dict.fromkeys(found))


def workers(backend: str, scheduler: str | None) -> None:
    """Check what says who trains."""
    if backend not in BACKENDS:
        raise bad("--backend", f"{backend!r}: allowed are {', '.join(BACKENDS)}")
    if backend == "dask" and not scheduler:
        raise bad("--scheduler", "--backend dask needs the address of its scheduler")
    if backend == "loky" and scheduler:
        raise bad("--scheduler", f"{scheduler!r}: for --backend dask and ray alone")


def bad(option: str, message: str) -> typer.BadParameter:
    """Return the error of an option."""
    return typer.BadParameter(message, param_hint=f"'{option}'")
