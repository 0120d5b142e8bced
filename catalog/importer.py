"""Import of a catalogue: stage the files, check the rows, build a warehouse, publish it; all or nothing."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from catalog.building import build_warehouse
from catalog.checks import check_orders, check_products, rejected_rows, shortened_names, usable_rows
from catalog.cleaning import create_macros
from catalog.problems import CatalogBusy, NothingUsable, Reject, RowsRejected
from catalog.publishing import CatalogRecord, build_folder, publish, replace_text
from catalog.schema import ORDERS, PRODUCTS, TAXONOMY, FileKind
from catalog.staging import Progress, stage_batches, stage_file
from state.settings import Settings

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

FAILED_REJECTS = "rejects-failed.csv"


@dataclass(frozen=True)
class ImportReport:
    """What an import did. ``rejects_path`` is None when every row was usable."""

    record: CatalogRecord
    rejects: list[Reject] = field(default_factory=list)
    rejects_path: Path | None = None
    shortened: int = 0

    @property
    def counts(self) -> Counter[tuple[str, str]]:
        """Left-out rows by file and kind of problem."""
        return Counter((reject.file, reject.code) for reject in self.rejects)


@dataclass(frozen=True)
class _Source:
    kind: FileKind
    label: str
    stage: Callable[[duckdb.DuckDBPyConnection, Progress], list[Reject]]


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
        def stage(con: duckdb.DuckDBPyConnection, progress: Progress) -> list[Reject]:
            stage_batches(con, kind, tables, progress)
            return []

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
        except duckdb.IOException as error:
            raise CatalogBusy(f"{folder} cannot be written ({error}). Free space or fix its rights.") from error
        rejects_text = _rejects_csv(rejects) if rejects else None
        if rejects_text:
            (build / "rejects.csv").write_text(rejects_text, encoding="utf-8")
        record = publish(folder, build / "shop.duckdb", build / "rejects.csv" if rejects_text else None, record)
    path = folder / f"rejects-{record.version}.csv" if rejects else None
    return ImportReport(record, rejects, path, shortened)


def _stage_and_check(con: duckdb.DuckDBPyConnection, sources: list[_Source], progress: Progress) -> list[Reject]:
    malformed = {source.kind.name: source.stage(con, progress) for source in sources}
    if ORDERS.name not in malformed:
        con.execute(ORDERS.staging_ddl)
    progress("checking", 0)
    check_products(con, with_taxonomy=TAXONOMY.name in malformed)
    check_orders(con)
    rejects: list[Reject] = []
    for source in sources:
        checked = rejected_rows(con, source.kind.name, source.label)
        rejects += sorted([*malformed[source.kind.name], *checked], key=lambda reject: reject.line)
    return rejects


def _refuse_if_useless(
    con: duckdb.DuckDBPyConnection, folder: Path, sources: list[_Source], rejects: list[Reject], strict: bool
) -> None:
    for source in sources:
        mine = [reject for reject in rejects if reject.file == source.label]
        if usable_rows(con, source.kind.name):
            continue
        if not mine:
            raise NothingUsable(f"{source.label}: the file has a header and no rows. Export it again.")
        replace_text(folder / FAILED_REJECTS, _rejects_csv(rejects))
        raise NothingUsable(
            f"{source.label}: all {len(mine)} rows are rejected (the first, line {mine[0].line}: {mine[0].reason}). "
            f"Every reason is in {folder / FAILED_REJECTS}; the catalogue in use is unchanged."
        )
    if strict and rejects:
        replace_text(folder / FAILED_REJECTS, _rejects_csv(rejects))
        raise RowsRejected(
            f"{len(rejects)} rows are rejected and the import is strict (the first, {rejects[0].file} line "
            f"{rejects[0].line}: {rejects[0].reason}). Every reason is in {folder / FAILED_REJECTS}; the catalogue in "
            "use is unchanged."
        )


def _rejects_csv(rejects: list[Reject]) -> str:
    """Return the left-out rows as CSV; text that a spreadsheet would run as a formula is made plain."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(Reject._fields)
    for reject in rejects:
        writer.writerow([f"'{cell}" if str(cell).startswith(("=", "+", "-", "@")) else cell for cell in reject])
    # A surrogate cannot come from a decoded file; the replacement keeps the report writable whatever the row holds.
    return out.getvalue().encode("utf-8", "replace").decode("utf-8")
