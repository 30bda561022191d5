"""Transfers that are left when they hang, wherever they hang."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from types import TracebackType
from typing import Self, TypeVar

# A transfer that brings less than this in one span of patience is taken for one that hangs.
PATIENCE_SECONDS = 5.0
LEAST_BYTES_PER_SECOND = 20_000

T = TypeVar("T")


class Meter:
    """Counts the bytes of a transfer, and ends it at the next ones once it was left.

    It is also the progress tracker that pypi-simple asks for.
    """

    def __init__(self) -> None:
        self.received = 0
        self.left = False

    def update(self, increment: int) -> None:
        """Count bytes that came in; TimeoutError if nobody waits for them any more."""
        self.received += increment
        if self.left:
            raise TimeoutError("left")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        pass


def patiently(transfer: Callable[[Meter], T]) -> T:
    """Return what the transfer does; TimeoutError if it hangs or only drips.

    The transfer runs in a thread: a socket's own timeout begins anew with each byte and
    each address of a host, and does not cover the look-up of the host's name.
    """
    meter = Meter()
    outcome: Future[T] = Future()
    # A daemon, and no pool: the end of the program must not wait for one that was left.
    threading.Thread(target=_run, args=(transfer, meter, outcome), daemon=True).start()
    try:
        while True:
            before = meter.received
            if wait([outcome], PATIENCE_SECONDS).done:
                return outcome.result()
            came = meter.received - before
            if came < LEAST_BYTES_PER_SECOND * PATIENCE_SECONDS:
                raise TimeoutError(f"hangs: only {came} bytes in {PATIENCE_SECONDS:.3g} s")
    finally:
        meter.left = True


def _run(transfer: Callable[[Meter], T], meter: Meter, outcome: Future[T]) -> None:
    try:
        outcome.set_result(transfer(meter))
    except BaseException as error:
        outcome.set_exception(error)
