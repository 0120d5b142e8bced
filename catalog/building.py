"""Builds the warehouse file of an import from its checked rows, and names its version after its content."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from catalog.publishing import CatalogRecord
from catalog.schema import NOT_SHELVES, TABLES_VERSION, WAREHOUSE_DDL

if TYPE_CHECKING:
    import duckdb

_FILL = (
    "INSERT INTO shop.products SELECT product_id, name, aisle, department, price, available"
    " FROM goods WHERE problem IS NULL ORDER BY product_id",
    "INSERT INTO shop.categories SELECT department, aisle, NOT (list_contains($skip, lower(aisle))"
    " OR list_contains($skip, lower(department))), count(*) FROM shop.products GROUP BY ALL ORDER BY department, aisle",
    "INSERT INTO shop.order_lines SELECT order_id, shopper_id, order_number, product_id,"
    " row_number() OVER (PARTITION BY order_id ORDER BY position NULLS LAST, line),"
    " order_number = max(order_number) OVER (PARTITION BY shopper_id)"
    " FROM baskets WHERE problem IS NULL ORDER BY shopper_id, order_number, position, line",
    "INSERT INTO shop.orders SELECT order_id, shopper_id, order_number, hour, day, stretch,"
    " order_number = max(order_number) OVER (PARTITION BY shopper_id)"
    " FROM dated WHERE order_id IN (SELECT order_id FROM shop.order_lines) ORDER BY shopper_id, order_number",
    "INSERT INTO shop.product_counts"
    " SELECT product_id, count(*) FROM shop.order_lines GROUP BY product_id ORDER BY product_id",
)
_DIGESTED = {
    "products": "product_id, name, aisle, department, price, available",
    "categories": "department, aisle, shelf, product_count",
    "orders": "order_id, shopper_id, order_number, hour, day, stretch",
    "order_lines": "order_id, product_id, position",
}


def build_warehouse(con: duckdb.DuckDBPyConnection, path: Path, labels: dict[str, str], rejected: int) -> CatalogRecord:
    """Write the usable rows of a checked import to a new warehouse at ``path`` and describe it.

    ``labels`` says where each kind of row came from, ``rejected`` how many were left out.
    """
    con.execute("ATTACH ? AS shop", [str(path)])
    for statement in WAREHOUSE_DDL:
        con.execute(statement.format(db="shop"))
    products, categories, *rest = _FILL
    con.execute(products)
    con.execute(categories, {"skip": list(NOT_SHELVES)})
    for statement in rest:
        con.execute(statement)
    digests = {table: _digest(con, table, columns) for table, columns in _DIGESTED.items()}
    counts = con.execute(
        "SELECT (SELECT count(*) FROM shop.products), (SELECT count(*) FROM shop.categories WHERE shelf),"
        " (SELECT count(DISTINCT shopper_id) FROM shop.orders), (SELECT count(*) FROM shop.orders),"
        " (SELECT count(*) FROM shop.order_lines)"
    ).fetchall()[0]
    con.execute("CHECKPOINT shop")
    con.execute("DETACH shop")
    names = ("products", "aisles", "shoppers", "orders", "lines")
    return CatalogRecord(
        version=_short("|".join([TABLES_VERSION, *digests.values()])),
        taxonomy_version=_short(digests["categories"]),
        imported_at=datetime.now(UTC).isoformat(timespec="seconds"),
        sources=labels,
        rejected=rejected,
        **dict(zip(names, counts, strict=True)),
    )


def _digest(con: duckdb.DuckDBPyConnection, table: str, columns: str) -> str:
    """Digest a table whatever the order of its rows: rows are unique, so the sum of their hashes tells them apart."""
    cells = ", ".join(f"coalesce({column.strip()}::VARCHAR, chr(30))" for column in columns.split(","))
    rows, total = con.execute(
        f"SELECT count(*), sum(md5_number_lower(concat_ws(chr(31), {cells}))) FROM shop.{table}"  # noqa: S608
    ).fetchall()[0]
    return f"{table}:{rows}:{total}"


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
