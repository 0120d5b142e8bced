"""The manifest beside converted weights: where they come from and the checksum of every file."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from state.errors import ModelsError

MANIFEST_NAME = "manifest.json"
Kind = Literal["chat", "embedder"]


class FileRecord(BaseModel):
    """Size in bytes and SHA-256 of one file."""

    model_config = ConfigDict(frozen=True)

    size: int
    sha256: str


class Manifest(BaseModel):
    """What a model folder holds. ``source`` tells package and version, hub id or local path, and its checksum."""

    name: str
    kind: Kind
    source: dict[str, str]
    files: dict[str, FileRecord]

    @property
    def digest(self) -> str:
        """Return 12 hex digits that change with the weights, the vocabulary or the chat template.

        The graph files are left out: the exporter writes scratch paths into them.
        """
        telling = (".bin", ".safetensors", "tokenizer.json", ".jinja")
        lines = "\n".join(f"{n} {record.sha256}" for n, record in sorted(self.files.items()) if n.endswith(telling))
        return hashlib.sha256(lines.encode()).hexdigest()[:12]


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file as hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_manifest(folder: Path, name: str, kind: Kind, source: dict[str, str]) -> Manifest:
    """Record every file of ``folder`` in its manifest and return it."""
    files = {
        path.relative_to(folder).as_posix(): FileRecord(size=path.stat().st_size, sha256=sha256_of(path))
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != MANIFEST_NAME
    }
    manifest = Manifest(name=name, kind=kind, source=source, files=files)
    (folder / MANIFEST_NAME).write_text(json.dumps(manifest.model_dump(), indent=2) + "\n", encoding="utf-8")
    return manifest


def read_manifest(folder: Path) -> Manifest:
    """Return the manifest of a model folder.

    Raises:
        FileNotFoundError: there is none.
        ModelsError: it cannot be understood.
    """
    path = folder / MANIFEST_NAME
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise ModelsError(f"{path} is not a manifest ({error.error_count()} faults). Fetch the model again.") from error


def damage(folder: Path, manifest: Manifest, *, checksums: bool = True) -> str | None:
    """Return what is wrong with the files of ``folder``, None when all are as recorded.

    With ``checksums=False`` only presence and size are compared (microseconds, for use at load time).
    """
    for name, record in manifest.files.items():
        path = folder / name
        if not path.is_file():
            return f"{name} is missing"
        size = path.stat().st_size
        if size != record.size:
            return f"{name} has {size} bytes instead of {record.size}"
        if checksums and sha256_of(path) != record.sha256:
            return f"{name} does not match its checksum"
    return None
