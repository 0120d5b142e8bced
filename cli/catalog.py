"""``shelfwise catalog``: import a shop's catalogue and baskets, import the demo shop, show what is in use."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from state.errors import CatalogError, ShelfwiseError
from state.settings import load_settings

if TYPE_CHECKING:
    from catalog.importer import ImportReport
    from catalog.publishing import CatalogRecord

app = typer.Typer(no_args_is_help=True, help="Import a catalogue with its baskets, or show the one in use.")

SHOWN_REJECTS = 5
Progress = Callable[[str, int], None]


@app.command("import")
def import_command(
    products: Annotated[Path, typer.Option(help="CSV or Parquet: product_id, name, aisle, department, ...")],
    orders: Annotated[
        Path | None, typer.Option(help="CSV or Parquet: order_id, shopper_id, product_id, order_number, ...")
    ] = None,
    taxonomy: Annotated[Path | None, typer.Option(help="CSV or Parquet: department, aisle.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Import nothing if any row is rejected.")] = False,
) -> None:
    """Import your own shop. Columns, checks and exit codes: docs/data.md."""
    from catalog.importer import import_files

    with _errors_as_exit_codes(), _progress() as progress:
        report = import_files(load_settings(), products, orders, taxonomy, strict=strict, progress=progress)
    _print_report(report)


@app.command()
def demo() -> None:
    """Import the demo shop: 49,688 public products and 593 shoppers (needs the 'demo' extra)."""
    from catalog.demo import import_demo

    with _errors_as_exit_codes(), _progress() as progress:
        report = import_demo(load_settings(), progress=progress)
    _print_report(report)


@app.command()
def status() -> None:
    """Show the catalogue in use."""
    from catalog.publishing import read_current

    with _errors_as_exit_codes():
        record = read_current(load_settings().catalog_dir)
    _print_record(record)


@contextmanager
def _errors_as_exit_codes() -> Iterator[None]:
    """Print an error in plain words and leave with its documented exit code."""
    from rich.console import Console

    from catalog.problems import CatalogBusy, InputUnreadable, NothingUsable, RowsRejected

    codes: dict[type[CatalogError], int] = {InputUnreadable: 2, RowsRejected: 3, NothingUsable: 4, CatalogBusy: 5}
    try:
        yield
    except ShelfwiseError as error:
        text = "".join(char if char.isprintable() or char == "\n" else "?" for char in str(error))
        Console(stderr=True, soft_wrap=True).print(f"Error: {text}", style="red", markup=False, highlight=False)
        raise typer.Exit(next((code for kind, code in codes.items() if isinstance(error, kind)), 1)) from None


@contextmanager
def _progress() -> Iterator[Progress]:
    """Show on stderr which step an import is at and how many rows it has read."""
    from rich.console import Console
    from rich.progress import Progress as Bar
    from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    console = Console(stderr=True)
    with Bar(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("reading")

        def show(step: str, rows: int) -> None:
            bar.update(task, description=f"{step}: {rows:,} rows" if rows else step)

        yield show


def _print_report(report: ImportReport) -> None:
    from rich.console import Console

    if report.rejects:
        console = Console(stderr=True, soft_wrap=True)
        console.print(f"{len(report.rejects):,} rows rejected, listed in {report.rejects_path}:", style="yellow")
        for (file, code), count in report.rejects.counts.most_common():
            console.print(f"  {count:>7,}  {file}: {code}", markup=False, highlight=False)
        console.print("the first ones:", style="yellow")
        for reject in report.rejects.listed[:SHOWN_REJECTS]:
            reason = "".join(char if char.isprintable() else "?" for char in reject.reason)
            console.print(f"  {reject.file}:{reject.line}: {reason}", markup=False, highlight=False)
    if report.shortened:
        Console(stderr=True).print(
            f"{report.shortened:,} products had an over-long name or category cut.", style="yellow"
        )
    _print_record(report.record)


def _print_record(record: CatalogRecord) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("catalogue", record.version, title_justify="left")
    for name in ("products", "aisles", "shoppers", "orders", "lines"):
        table.add_row(name, f"{getattr(record, name):,}")
    table.add_row("rows rejected", f"{record.rejected:,}")
    for kind, source in record.sources.items():
        table.add_row(f"{kind} from", Text(source))
    table.add_row("imported", record.imported_at.replace("T", " ").replace("+00:00", " UTC"))
    table.add_row("version before", record.previous or "none")
    Console().print(table)
