"""The file of results: one line of JSON a finished training, appended whole or not at all."""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

# What every row must have; the others are for the reader.
REQUIRED = {"data": str, "settings": dict, "seconds": float, "accuracy": dict, "loss_curve": list}

Row = dict[str, Any]


def canonical(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings as they come back from JSON, which knows no tuple and no infinity."""
    finite = {k: "inf" if v == float("inf") else v for k, v in settings.items()}
    return json.loads(json.dumps(finite, sort_keys=True, allow_nan=False))


def key(data: str, settings: Mapping[str, Any]) -> str:
    """Return what two rows of the same training share, and no others."""
    return json.dumps([data, canonical(settings)], sort_keys=True)


def parse(line: str) -> Row | None:
    """Return the row of a line, or None if the line is damaged."""
    try:
        row = json.loads(line)
    except ValueError:
        return None
    if not isinstance(row, dict):
        return None
    if not all(isinstance(row.get(name), kind) for name, kind in REQUIRED.items()):
        return None
    numbers = [row["accuracy"].get(part) for part in ("train", "val", "test")]
    if not all(isinstance(n, float) and 0 <= n <= 1 for n in numbers):
        return None
    return row


class Results:
    """The rows of a results file.

    Parameters
    ----------
    path : Path
        Need not exist yet.

    Attributes
    ----------
    damaged : list of (int, str)
        Number and text of the lines that are no rows; they are not in the results.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._rows: dict[str, Row] = {}
        self.damaged: list[tuple[int, str]] = []
        text = path.read_text("utf-8", errors="replace") if path.exists() else ""
        # Only newlines end a line: JSON may hold other separators within strings.
        for number, line in enumerate(text.split("\n"), 1):
            row = parse(line)
            if row is not None:
                self._rows[key(row["data"], row["settings"])] = row
            elif line.strip():
                self.damaged.append((number, line))

    def __iter__(self) -> Iterator[Row]:
        return iter(self._rows.values())

    def __len__(self) -> int:
        return len(self._rows)

    def find(self, data: str, settings: Mapping[str, Any]) -> Row | None:
        """Return the row of a training, if it is finished."""
        return self._rows.get(key(data, settings))

    def report_damage(self) -> None:
        """Say on stderr which lines were passed over."""
        for number, line in self.damaged:
            print(f"{self.path}, line {number} is damaged: {line[:60]!r}", file=sys.stderr)


class ResultsWriter(Results):
    """The rows of a results file that this process alone may add to; a context manager.

    Damaged lines are moved to a file of their own beside it, named ``*.damaged``.

    Raises
    ------
    BlockingIOError
        If another process is writing to the file.
    OSError
        If it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(path.with_name(f".{path.name}.lock"))
        try:
            self._lock.acquire(timeout=0)
        except Timeout as error:
            raise BlockingIOError(f"{path}: another process is writing to it") from error
        try:
            super().__init__(path)
            self.report_damage()
            if self.damaged:
                self._put_damage_aside()
            self._file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
        except BaseException:
            self._lock.release()
            raise

    def __enter__(self) -> "ResultsWriter":
        return self

    def __exit__(self, *exception: object) -> None:
        os.close(self._file)
        self._lock.release()

    def append(self, row: Row) -> None:
        """Add a row, in memory and on disk."""
        line = (json.dumps(row, allow_nan=False) + "\n").encode()
        size = os.fstat(self._file).st_size
        try:
            if os.write(self._file, line) != len(line):
                raise OSError(f"{self.path}: no room for a row")
            os.fsync(self._file)
        except BaseException:
            os.ftruncate(self._file, size)
            raise
        self._rows[key(row["data"], row["settings"])] = row

    def _put_damage_aside(self) -> None:
        aside = self.path.with_name(f"{self.path.name}.damaged")
        with open(aside, "a", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for _, line in self.damaged)
            file.flush()
            os.fsync(file.fileno())
        print(f"Kept aside in {aside}", file=sys.stderr)
        whole = self.path.with_name(f".{self.path.name}.whole")
        with open(whole, "w", encoding="utf-8") as file:
            file.writelines(f"{json.dumps(row)}\n" for row in self)
            file.flush()
            os.fsync(file.fileno())
        os.replace(whole, self.path)
