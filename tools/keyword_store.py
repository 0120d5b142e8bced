"""The keyword index on disk: a folder per version, and a pointer that says which one is in use."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, cast

from pydantic import BaseModel, ConfigDict

from catalog.corpus import Term
from catalog.publishing import replace_text
from state import records
from state.errors import CorpusMissing

if TYPE_CHECKING:
    from chromadb.api.client import Client

TERMS, VECTORS, CHROMA = "terms.parquet", "vectors.npy", "chroma"
_POINTER, _LOCK = "current.json", ".lock"


class IndexRecord(BaseModel):
    """What the published index is made of.

    ``catalog`` is the version of the catalogue it was mined from, ``inputs`` a digest of all that decided the build.
    """

    model_config = ConfigDict(extra="ignore")

    version: str
    terms: int
    queries: int
    categories: int
    filters: int
    catalog: str
    embedder: str
    dimension: int
    max_neighbors: int
    ef_construction: int
    ef_search: int
    inputs: str = ""
    widened_with: str | None = None
    mine_seconds: float = 0.0
    embed_seconds: float = 0.0
    index_seconds: float = 0.0
    built_at: str = ""

    @property
    def collection(self) -> str:
        return f"keywords-{self.version}"


def read_record(corpus_dir: Path) -> IndexRecord:
    """Return the record of the index in use.

    Raises:
        CorpusMissing: none was built, or its pointer is damaged.
    """
    missing = CorpusMissing(f"no keyword corpus in {corpus_dir}. Run 'shelfwise corpus build'.")
    cure = "Run 'shelfwise corpus build' again."
    return records.read_record(corpus_dir / _POINTER, IndexRecord, missing=missing, damaged=CorpusMissing, cure=cure)


def pointer_stamp(corpus_dir: Path) -> tuple[int, int]:
    """Return what changes when another index is published; (0, 0) when there is none."""
    try:
        stat = (corpus_dir / _POINTER).stat()
    except OSError:
        return 0, 0
    return stat.st_mtime_ns, stat.st_ino


def publish(corpus_dir: Path, record: IndexRecord) -> None:
    """Make ``record`` the index in use. The one before stays for readers that have it open; older ones go."""
    before = _version_in_use(corpus_dir)
    replace_text(corpus_dir / _POINTER, record.model_dump_json(indent=2) + "\n")
    for folder in version_folders(corpus_dir):
        if folder.name not in (f"v-{record.version}", f"v-{before}"):
            shutil.rmtree(folder, ignore_errors=True)


def version_folder(corpus_dir: Path, version: str) -> Path:
    return corpus_dir / f"v-{version}"


def version_folders(corpus_dir: Path) -> list[Path]:
    return sorted(corpus_dir.glob("v-*"))


@contextmanager
def build_lock(corpus_dir: Path) -> Iterator[None]:
    """Hold the build lock of ``corpus_dir``: one build at a time, a second one waits. A killed holder frees it."""
    corpus_dir.mkdir(parents=True, exist_ok=True)
    with (corpus_dir / _LOCK).open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def write_terms(path: Path, terms: Sequence[Term]) -> None:
    """Write the terms, row ``i`` being vector ``i`` and Chroma id ``str(i)``."""
    import pyarrow
    import pyarrow.parquet

    columns = {
        "text": [term.text for term in terms],
        "kind": [term.kind for term in terms],
        "frequency": [term.frequency for term in terms],
        "examples": [list(term.examples) for term in terms],
    }
    schema = pyarrow.schema(
        [
            ("text", pyarrow.string()),
            ("kind", pyarrow.string()),
            ("frequency", pyarrow.int64()),
            ("examples", pyarrow.list_(pyarrow.string())),
        ]
    )
    pyarrow.parquet.write_table(pyarrow.table(columns, schema=schema), path)


def read_terms(path: Path) -> list[Term]:
    """Return the terms of a version in row order."""
    import pyarrow.parquet

    columns = pyarrow.parquet.read_table(path).to_pydict()
    rows = zip(columns["text"], columns["kind"], columns["frequency"], columns["examples"], strict=True)
    return [Term(text, kind, frequency, tuple(examples)) for text, kind, frequency, examples in rows]


def open_chroma(folder: Path) -> Client:
    """Open the Chroma database of a version: in-process, no telemetry, no embedding model."""
    import chromadb

    client = chromadb.PersistentClient(str(folder), settings=chromadb.Settings(anonymized_telemetry=False))
    return cast("Client", client)


def _version_in_use(corpus_dir: Path) -> str | None:
    try:
        return read_record(corpus_dir).version
    except CorpusMissing:
        return None
