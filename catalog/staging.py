"""Loads CSV and Parquet files, every value as text with its line, into the staging tables of an import."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from catalog.csv_rows import check_text, open_text, pick_delimiter, read_rows, wrong_encoding
from catalog.problems import InputUnreadable, Reject, Rejects
from catalog.schema import FileKind

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

BATCH_ROWS = 50_000
PARQUET_MAGIC = b"PAR1"
Progress = Callable[[str, int], None]


def stage_file(con: duckdb.DuckDBPyConnection, kind: FileKind, path: Path, progress: Progress) -> Rejects:
    """Load ``path`` into ``raw_<kind>`` and return the rows that could not be split into columns.

    Raises:
        InputUnreadable: the file is missing, empty, of another format or encoding, or lacks a required column.
    """
    try:
        with path.open("rb") as stream:
            magic = stream.read(len(PARQUET_MAGIC))
        rejects = Rejects()
        batches = _parquet(kind, path) if magic == PARQUET_MAGIC else _csv(kind, path, rejects)
        stage_batches(con, kind, batches, progress)
    except UnicodeDecodeError:
        raise wrong_encoding(path) from None
    except OSError as error:
        raise InputUnreadable(f"{path}: cannot be read ({error.strerror or error}). Check the path.") from error
    return rejects


def stage_batches(
    con: duckdb.DuckDBPyConnection, kind: FileKind, batches: Iterable[pa.Table], progress: Progress
) -> None:
    """Append tables of text columns (``line`` and any of the kind's columns) to ``raw_<kind>``."""
    con.execute(kind.staging_ddl)
    rows = 0
    for batch in batches:
        con.register("batch", batch)
        con.execute(f"INSERT INTO raw_{kind.name} BY NAME SELECT * FROM batch")  # noqa: S608 (name is a constant)
        con.unregister("batch")
        rows += batch.num_rows
        progress(kind.name, rows)


def columns_of(kind: FileKind, path: Path | str, header: list[str]) -> dict[str, int]:
    """Map each of the kind's columns found in ``header`` to its place; case and outer blanks do not matter.

    Raises:
        InputUnreadable: a required column is missing, or a known one is there twice.
    """
    names = [name.strip().lower() for name in header]
    for name in kind.columns:
        if names.count(name) > 1:
            raise InputUnreadable(f"{path}:1: the header names the column {name!r} {names.count(name)} times.")
    missing = [name for name in kind.required if name not in names]
    if missing:
        hints = [
            f"{name} (is it {close[0]!r}?)" if (close := difflib.get_close_matches(name, names, 1)) else name
            for name in missing
        ]
        found = ", ".join(name[:40] for name in names[:20]) or "nothing"
        raise InputUnreadable(
            f"{path}:1: the {kind.name} file lacks the column {', '.join(hints)}. Its header has: {found}. "
            f"Required: {', '.join(kind.required)} (docs/data.md)."
        )
    return {name: names.index(name) for name in kind.columns if name in names}


def _csv(kind: FileKind, path: Path, rejects: Rejects) -> Iterator[pa.Table]:
    check_text(path)
    with open_text(path) as stream:
        delimiter = pick_delimiter(stream.readline(), kind.columns)
        stream.seek(0)
        rows = read_rows(stream, delimiter)
        header = next(rows)
        places = columns_of(kind, path, header.fields)
        lines: list[int] = []
        kept: list[list[str]] = []
        for row in rows:
            problem = row.problem
            if problem is None and len(row.fields) != len(header.fields):
                problem = f"{len(row.fields)} fields where the header has {len(header.fields)}"
            if problem:
                content = delimiter.join(row.fields)
                rejects.add(Reject(str(path), row.line, "malformed row", problem, content))
                continue
            lines.append(row.line)
            kept.append(row.fields)
            if len(kept) == BATCH_ROWS:
                yield _as_table(places, lines, kept)
                lines, kept = [], []
        if kept:
            yield _as_table(places, lines, kept)


def _as_table(places: dict[str, int], lines: list[int], rows: list[list[str]]) -> pa.Table:
    import pyarrow as pa

    columns = list(zip(*rows, strict=True))
    arrays = {name: pa.array(columns[place], pa.string()) for name, place in places.items()}
    return pa.table({"line": pa.array(lines, pa.int64()), **arrays})


def _parquet(kind: FileKind, path: Path) -> Iterator[pa.Table]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            names = file.schema_arrow.names
            places = columns_of(kind, path, names)
            first = 1
            for batch in file.iter_batches(BATCH_ROWS, columns=[names[place] for place in places.values()]):
                arrays = {name: _as_text(batch.column(names[place]), name, path) for name, place in places.items()}
                lines = pa.array(range(first, first + batch.num_rows), pa.int64())
                first += batch.num_rows
                yield pa.table({"line": lines, **arrays})
    except (pa.ArrowException, OSError) as error:
        cause = str(error).splitlines()[0]
        raise InputUnreadable(f"{path}: the Parquet file cannot be read ({cause}). Write it again.") from error


def _as_text(column: pa.Array, name: str, path: Path) -> pa.Array:
    """Return the column as text: NaN as missing, whole floats (ids of a column with gaps) without their '.0'."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_nested(column.type):
        raise InputUnreadable(f"{path}: the column {name!r} holds {column.type}, not single values.")
    # Parquet readers trust the file: text that is no UTF-8 would only fail later, in the database.
    column.validate(full=True)
    if not pa.types.is_floating(column.type):
        return pc.cast(column, pa.string())
    text = pc.cast(pc.if_else(pc.is_nan(column), None, column), pa.string())
    return pc.replace_substring_regex(text, r"\.0$", "")
