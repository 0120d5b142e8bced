"""Import of a catalogue: stage the files, check the rows, build a warehouse, publish it; all or nothing."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from catalog.building import build_warehouse
from catalog.checks import check_orders, check_products, rejected_rows, shortened_names, usable_rows
from catalog.cleaning import create_macros
from catalog.problems import CatalogBusy, NothingUsable, Reject, Rejects, RowsRejected
from catalog.publishing import CatalogRecord, build_folder, publish, replace_text
from catalog.schema import ORDERS, PRODUCTS, TAXONOMY, FileKind
from catalog.staging import Progress, stage_batches, stage_file
from state.settings import Settings

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

FAILED_REJECTS = "rejects-failed.csv"
FORMULA_MARKS = ("=", "+", "-", "@")


@dataclass(frozen=True)
class ImportReport:
    """What an import did. ``rejects_path`` is None when every row was usable."""

    record: CatalogRecord
    rejects: Rejects = field(default_factory=Rejects)
    rejects_path: Path | None = None
    shortened: int = 0


@dataclass(frozen=True)
class _Source:
    kind: FileKind
    label: str
    stage: Callable[[duckdb.DuckDBPyConnection, Progress], Rejects]


def ignore_progress(_step: str, _rows: int) -> None:
    """Stands in where nobody watches the import."""


def import_files(
    settings: Settings,
    products: Path,
    orders: Path | None = None,
    taxonomy: Path | None = None,
    *,
    strict: bool = False,
    progress: Progress = ignore_progress,
) -> ImportReport:
    """Import a shop from CSV or Parquet files (docs/data.md) and put it in use.

    Raises:
        InputUnreadable: a file cannot be read as the documented table.
        NothingUsable: not one row of a file is usable.
        RowsRejected: ``strict`` and at least one row was left out.
        CatalogBusy: the catalogue folder cannot be written.
        In each case the catalogue in use stays as it is.
    """

    def from_file(kind: FileKind, path: Path) -> _Source:
        return _Source(kind, str(path), lambda con, progress: stage_file(con, kind, path, progress))

    named = [(TAXONOMY, taxonomy), (PRODUCTS, products), (ORDERS, orders)]
    return _run(settings, [from_file(kind, path) for kind, path in named if path], strict, progress)


def import_tables(
    settings: Settings,
    products: tuple[str, Iterable[pa.Table]],
    orders: tuple[str, Iterable[pa.Table]],
    *,
    progress: Progress = ignore_progress,
) -> ImportReport:
    """Import tables of text columns (see ``stage_batches``), each with a label of where it comes from."""

    def from_tables(kind: FileKind, label: str, tables: Iterable[pa.Table]) -> _Source:
        def stage(con: duckdb.DuckDBPyConnection, progress: Progress) -> Rejects:
            stage_batches(con, kind, tables, progress)
            return Rejects()

        return _Source(kind, label, stage)

    return _run(settings, [from_tables(PRODUCTS, *products), from_tables(ORDERS, *orders)], False, progress)


def _run(settings: Settings, sources: list[_Source], strict: bool, progress: Progress) -> ImportReport:
    import duckdb

    folder = settings.catalog_dir
    with build_folder(folder) as build:
        try:
            # Everything but the finished warehouse is staged in a file beside it, so that it carries no dead blocks.
            with duckdb.connect(str(build / "staging.duckdb")) as con:
                if settings.threads:
                    con.execute("SET threads = ?", [settings.threads])
                con.execute("SET preserve_insertion_order = false")
                create_macros(con)
                rejects = _stage_and_check(con, sources, progress)
                _refuse_if_useless(con, folder, sources, rejects, strict)
                progress("building", usable_rows(con, "products"))
                labels = {source.kind.name: source.label for source in sources}
                record = build_warehouse(con, build / "shop.duckdb", labels, len(rejects))
                shortened = shortened_names(con)
        except (duckdb.IOException, duckdb.OutOfMemoryException) as error:
            raise CatalogBusy(
                f"{folder} cannot be written ({error}). Free disk or memory, or fix its rights."
            ) from error
        rejects_text = _rejects_csv(rejects) if rejects else None
        if rejects_text:
            (build / "rejects.csv").write_text(rejects_text, encoding="utf-8")
        record = publish(folder, build / "shop.duckdb", build / "rejects.csv" if rejects_text else None, record)
    path = folder / f"rejects-{record.version}.csv" if rejects else None
    return ImportReport(record, rejects, path, shortened)


def _stage_and_check(con: duckdb.DuckDBPyConnection, sources: list[_Source], progress: Progress) -> Rejects:
    malformed = {source.kind.name: source.stage(con, progress) for source in sources}
    if ORDERS.name not in malformed:
        con.execute(ORDERS.staging_ddl)
    progress("checking", 0)
    check_products(con, with_taxonomy=TAXONOMY.name in malformed)
    check_orders(con)
    rejects = Rejects()
    for source in sources:
        of_file = malformed[source.kind.name]
        of_file.merge([rejected_rows(con, source.kind.name, source.label)])
        rejects.listed += of_file.listed
        rejects.counts += of_file.counts
    return rejects


def _refuse_if_useless(
    con: duckdb.DuckDBPyConnection, folder: Path, sources: list[_Source], rejects: Rejects, strict: bool
) -> None:
    where = f"Every reason is in {folder / FAILED_REJECTS}; the catalogue in use is unchanged."
    for source in sources:
        if usable_rows(con, source.kind.name):
            continue
        if not rejects.of_file(source.label):
            without = " To import a shop without orders, leave out --orders." if source.kind is ORDERS else ""
            raise NothingUsable(f"{source.label}: the file has a header and no rows. Export it again.{without}")
        replace_text(folder / FAILED_REJECTS, _rejects_csv(rejects))
        first = next(reject for reject in rejects.listed if reject.file == source.label)
        raise NothingUsable(
            f"{source.label}: all rows are rejected, {rejects.of_file(source.label):,} of them "
            f"(the first, line {first.line}: {first.reason}). {where}"
        )
    if strict and rejects:
        replace_text(folder / FAILED_REJECTS, _rejects_csv(rejects))
        first = rejects.listed[0]
        raise RowsRejected(
            f"{len(rejects):,} rows are rejected and the import is strict "
            f"(the first, {first.file}:{first.line}: {first.reason}). {where}"
        )


def _rejects_csv(rejects: Rejects) -> str:
    """Return the left-out rows as CSV; text that a spreadsheet would run as a formula is made plain."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(Reject._fields)
    for reject in rejects.listed:
        writer.writerow([f"'{cell}" if str(cell).startswith(FORMULA_MARKS) else cell for cell in reject])
    # A surrogate cannot come from a decoded file; the replacement keeps the report writable whatever the row holds.
    return out.getvalue().encode("utf-8", "replace").decode("utf-8")
