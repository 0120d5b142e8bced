"""A catalogue changes all at once or not at all, and its version follows from its content."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from catalog.importer import ImportReport
from catalog.problems import CatalogBusy
from catalog.publishing import POINTER, read_current
from catalog.warehouse import Warehouse
from state.errors import CatalogError, CatalogMissing
from state.settings import Settings

Run = Callable[..., ImportReport]
HEADER = "product_id,name,aisle,department\n"
ROOT = Path(__file__).parents[2]

_IMPORT = """
import os, signal, sys
from pathlib import Path
from state.settings import Settings
import catalog.importer as importer
home, products, end = sys.argv[1:]
if end == "killed":
    importer.publish = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
importer.import_files(Settings(home=Path(home), threads=1), Path(products))
"""


def start_import(settings: Settings, products: Path, end: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", _IMPORT, str(settings.home), str(products), end], cwd=ROOT)


def test_the_same_content_has_the_same_version_whatever_the_order_of_rows(run_import: Run) -> None:
    rows = ["1,Milk,milk,dairy\n", "2,Kiwi,fruits,produce\n", "10,Ham,ham,deli\n"]
    versions = {run_import(HEADER + "".join(order), None).record.version for order in (rows, rows[::-1], rows)}
    assert len(versions) == 1


@pytest.mark.parametrize("row", ["1,Milk 2,milk,dairy\n", "2,Milk,milk,dairy\n", "1,Milk,milks,dairy\n"])
def test_other_content_has_another_version(run_import: Run, row: str) -> None:
    before = run_import(HEADER + "1,Milk,milk,dairy\n", None).record.version
    assert run_import(HEADER + row, None).record.version != before


def test_a_new_name_leaves_the_taxonomy_version(run_import: Run) -> None:
    first = run_import(HEADER + "1,Milk,milk,dairy\n", None).record
    renamed = run_import(HEADER + "1,Milk 2,milk,dairy\n", None).record
    moved = run_import(HEADER + "1,Milk,milks,dairy\n", None).record
    assert first.taxonomy_version == renamed.taxonomy_version != moved.taxonomy_version


def test_the_last_two_versions_stay_on_disk(run_import: Run, settings: Settings) -> None:
    versions = [run_import(f"{HEADER}1,Milk {n},milk,dairy\n2,,a,b\n", None).record.version for n in range(4)]
    kept = {path.name for path in settings.catalog_dir.iterdir() if not path.name.startswith(".")}
    assert kept == {POINTER} | {f"{kind}" for v in versions[2:] for kind in (f"catalog-{v}.duckdb", f"rejects-{v}.csv")}
    assert read_current(settings.catalog_dir).previous == versions[2]


def test_an_open_warehouse_keeps_its_version_through_later_imports(run_import: Run, settings: Settings) -> None:
    run_import()
    old = Warehouse.open(settings)
    for n in range(3):
        run_import(f"{HEADER}1,Milk {n},milk,dairy\n", None)
    assert len(old.all_products()) == 4
    assert [product.name for product in Warehouse.open(settings).all_products()] == ["Milk 2"]


def test_a_killed_import_leaves_the_old_catalogue_and_its_rest_is_swept(
    run_import: Run, settings: Settings, tmp_path: Path
) -> None:
    before = run_import().record
    (tmp_path / "other.csv").write_text(HEADER + "1,Ham,ham,deli\n")
    assert start_import(settings, tmp_path / "other.csv", "killed").wait(60) == -signal.SIGKILL
    assert Warehouse.open(settings).record == before
    assert list(settings.catalog_dir.glob(".building-*"))
    run_import()
    assert not list(settings.catalog_dir.glob(".building-*"))


def test_imports_at_once_end_in_one_whole_catalogue(settings: Settings, tmp_path: Path) -> None:
    for n in range(3):
        rows = "".join(f"{i},Product {i} of {n},milk,dairy\n" for i in range(2000))
        (tmp_path / f"{n}.csv").write_text(HEADER + rows)
    running = [start_import(settings, tmp_path / f"{n}.csv", "published") for n in range(3)]
    assert [process.wait(120) for process in running] == [0, 0, 0]
    warehouse = Warehouse.open(settings)
    names = {product.name.split(" of ")[1] for product in warehouse.all_products()}
    assert len(names) == 1
    assert warehouse.record.products == 2000
    assert len(list(settings.catalog_dir.glob("catalog-*.duckdb"))) == 2
    assert not list(settings.catalog_dir.glob(".building-*"))


def test_no_catalogue_says_how_to_get_one(settings: Settings) -> None:
    with pytest.raises(CatalogMissing, match="shelfwise catalog demo"):
        Warehouse.open(settings)


@pytest.mark.parametrize("content", ["", "{", "{}", "[]", '{"version": 1}'])
def test_a_damaged_pointer_is_an_error_that_the_next_import_repairs(
    run_import: Run, settings: Settings, content: str
) -> None:
    run_import()
    (settings.catalog_dir / POINTER).write_text(content)
    with pytest.raises(CatalogError, match="Import the catalogue again"):
        Warehouse.open(settings)
    run_import()
    assert Warehouse.open(settings).record.products == 4


@pytest.mark.parametrize("damage", ["removed", "overwritten"])
def test_a_lost_or_damaged_catalogue_file_is_an_error_with_the_fix(
    run_import: Run, settings: Settings, damage: str
) -> None:
    path = settings.catalog_dir / run_import().record.file_name
    path.unlink()
    if damage == "overwritten":
        path.write_bytes(b"not a database" * 1000)
    with pytest.raises(CatalogError, match="cannot be opened"):
        Warehouse.open(settings)


def test_a_folder_that_cannot_be_written_is_an_error_with_the_fix(run_import: Run, settings: Settings) -> None:
    settings.home.parent.mkdir(exist_ok=True)
    settings.home.write_text("a file where the folder should be")
    with pytest.raises(CatalogBusy, match="cannot be written"):
        run_import()
