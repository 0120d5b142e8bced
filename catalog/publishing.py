"""Versioned catalogues on disk: built under a temporary name, published by replacing one small pointer file."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from catalog.problems import CatalogBusy
from state.errors import CatalogError, CatalogMissing
from state.records import read_record

POINTER = "current.json"
_BUILD_PREFIX = ".building-"
_LOCK = "alive.lock"


class CatalogRecord(BaseModel):
    """The published catalogue: which file it is, what went in, and the version before it."""

    model_config = ConfigDict(extra="ignore")

    version: str
    taxonomy_version: str
    imported_at: str
    sources: dict[str, str]
    products: int
    aisles: int
    shoppers: int
    orders: int
    lines: int
    rejected: int = 0
    previous: str | None = None

    @property
    def file_name(self) -> str:
        return catalog_file(self.version)


def catalog_file(version: str) -> str:
    return f"catalog-{version}.duckdb"


def rejects_file(version: str) -> str:
    return f"rejects-{version}.csv"


def read_current(folder: Path) -> CatalogRecord:
    """Return the record of the catalogue in use.

    Raises:
        CatalogMissing: nothing has been imported.
        CatalogError: the pointer file is damaged.
    """
    missing = CatalogMissing(
        f"no catalogue in {folder}. "
        "Run 'shelfwise catalog demo', or 'shelfwise catalog import --products P --orders O'."
    )
    cure = "Import the catalogue again."
    return read_record(folder / POINTER, CatalogRecord, missing=missing, damaged=CatalogError, cure=cure)


@contextmanager
def build_folder(folder: Path) -> Iterator[Path]:
    """Yield an empty folder for one import; it goes away at the end, and so do those of killed imports.

    Raises:
        CatalogBusy: the catalogue folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(folder):
            _sweep(folder)
            build = Path(tempfile.mkdtemp(prefix=_BUILD_PREFIX, dir=folder))
            alive = (build / _LOCK).open("w")
            fcntl.flock(alive, fcntl.LOCK_EX)
    except OSError as error:
        raise CatalogBusy(
            f"{folder} cannot be written ({error.strerror or error}). Free space or fix its rights."
        ) from error
    try:
        yield build
    finally:
        alive.close()
        shutil.rmtree(build, ignore_errors=True)


def publish(folder: Path, built: Path, rejects: Path | None, record: CatalogRecord) -> CatalogRecord:
    """Make ``built`` the catalogue in use and return its record; keeps the version before, removes older ones.

    Raises:
        CatalogBusy: the folder cannot be written; the old catalogue stays in use.
    """
    try:
        with _locked(folder):
            before = _current_or_none(folder)
            if before is not None:
                previous = before.version if before.version != record.version else before.previous
                record = record.model_copy(update={"previous": previous})
            _move(built, folder / record.file_name)
            if rejects is not None:
                _move(rejects, folder / rejects_file(record.version))
            else:
                (folder / rejects_file(record.version)).unlink(missing_ok=True)
            replace_text(folder / POINTER, record.model_dump_json(indent=2) + "\n")
            _prune(folder, {record.version, record.previous})
    except OSError as error:
        raise CatalogBusy(
            f"{folder} cannot be written ({error.strerror or error}). Free space or fix its rights."
        ) from error
    return record


def replace_text(path: Path, text: str) -> None:
    """Write ``text`` to a temporary file beside ``path``, flush it to disk and put it in place."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    _sync(path.parent)


def _current_or_none(folder: Path) -> CatalogRecord | None:
    try:
        return read_current(folder)
    except CatalogError:
        return None


def _move(source: Path, target: Path) -> None:
    _sync(source)
    source.replace(target)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the folder's lock: one import publishes at a time, others wait the milliseconds it takes."""
    with (folder / ".lock").open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def _sweep(folder: Path) -> None:
    """Remove build folders whose import is no longer alive (its lock is free)."""
    for build in folder.glob(f"{_BUILD_PREFIX}*"):
        try:
            with (build / _LOCK).open("a") as stream:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        except OSError:
            pass
        shutil.rmtree(build, ignore_errors=True)


def _prune(folder: Path, keep: set[str | None]) -> None:
    for path in [*folder.glob("catalog-*.duckdb"), *folder.glob("rejects-*.csv")]:
        if path.stem.split("-", 1)[1] not in keep | {"failed"}:
            path.unlink(missing_ok=True)
