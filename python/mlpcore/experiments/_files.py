"""Text files written whole or not at all."""

from pathlib import Path

from mlpcore._atomic import replacing


def write(path: Path, content: str) -> Path:
    """Write a text file atomically, its directory included; returns its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as file:
        file.write(content.encode())
    return path
