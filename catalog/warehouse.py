"""The warehouse: read-only access to the published catalogue and baskets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from catalog.publishing import CatalogRecord, read_current
from state.catalog import Category, Product
from state.errors import CatalogError
from state.settings import Settings

if TYPE_CHECKING:
    import duckdb

_COUNTS_WITHOUT_LAST = "(SELECT product_id, count(*) AS orders FROM order_lines WHERE NOT is_last GROUP BY product_id)"
_PRODUCT = "product_id, name, aisle, department, price, available"


class Warehouse:
    """One version of the catalogue. It stays readable while newer versions are imported; threads may share it."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, record: CatalogRecord) -> None:
        self._connection = connection
        self.record = record

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """Open the catalogue in use.

        Raises:
            CatalogMissing: nothing has been imported.
            CatalogError: the catalogue file is gone or damaged.
        """
        record = read_current(settings.catalog_dir)
        try:
            return cls(_connect(settings.catalog_dir / record.file_name), record)
        except CatalogError:
            # Two imports between reading the pointer and opening the file would have removed it.
            newer = read_current(settings.catalog_dir)
            if newer.version == record.version:
                raise
            return cls(_connect(settings.catalog_dir / newer.file_name), newer)

    @property
    def version(self) -> str:
        """Short digest of the content: the same input gives the same version."""
        return self.record.version

    @property
    def taxonomy_version(self) -> str:
        """Short digest of the categories."""
        return self.record.taxonomy_version

    def rows(self, sql: str, params: Sequence[Any] | dict[str, Any] = ()) -> list[tuple[Any, ...]]:
        """Run a query on a cursor of its own and return all rows. Values go in ``params``, never into ``sql``."""
        with self._connection.cursor() as cursor:
            return cursor.execute(sql, params if isinstance(params, dict) else list(params)).fetchall()

    def products(self, ids: Sequence[str]) -> dict[str, Product]:
        """Return the products of ``ids`` by id, in the order asked for; unknown ids are left out."""
        known = self._readable(ids)
        found = {
            row[0]: _product(row)
            for row in self.rows(f"SELECT {_PRODUCT} FROM products WHERE product_id = ANY(?)", [known])  # noqa: S608
        }
        return {product_id: found[product_id] for product_id in known if product_id in found}

    def all_products(self) -> list[Product]:
        """Return every product, available or not, sorted by id as text."""
        return [_product(row) for row in self.rows(f"SELECT {_PRODUCT} FROM products ORDER BY product_id")]  # noqa: S608

    def categories(self) -> list[Category]:
        """Return the aisles that hold products, sorted by path; catch-alls such as 'other' are left out."""
        rows = self.rows("SELECT aisle, department FROM categories WHERE shelf ORDER BY department, aisle")
        return [Category(aisle=aisle, department=department) for aisle, department in rows]

    def existing_ids(self, ids: Sequence[str]) -> set[str]:
        """Return which of ``ids`` are products of the catalogue."""
        rows = self.rows("SELECT product_id FROM products WHERE product_id = ANY(?)", [self._readable(ids)])
        return {product_id for (product_id,) in rows}

    def popular(
        self, limit: int, aisles: Sequence[str] | None = None, *, hold_out_last: bool = False
    ) -> list[tuple[Product, int]]:
        """Return the available products in most orders with their number of orders, most first, ties by id.

        ``aisles`` limits them to these aisles; ``hold_out_last`` leaves every shopper's latest order uncounted. A shop
        without orders has no popular products.
        """
        counts = _COUNTS_WITHOUT_LAST if hold_out_last else "product_counts"
        rows = self.rows(
            f"SELECT {_PRODUCT}, orders FROM products JOIN {counts} USING (product_id)"  # noqa: S608
            " WHERE available AND ($aisles IS NULL OR aisle = ANY($aisles)) ORDER BY orders DESC, product_id"
            " LIMIT $limit",
            {"aisles": None if aisles is None else self._readable(aisles), "limit": max(0, limit)},
        )
        return [(_product(row), row[-1]) for row in rows]

    def product_order_counts(self) -> dict[str, int]:
        """Return the number of orders of each product that was ever ordered."""
        return dict(self.rows("SELECT product_id, orders FROM product_counts ORDER BY product_id"))

    def shopper_ids(self) -> list[str]:
        """Return the shoppers who have orders, sorted as text."""
        return [row[0] for row in self.rows("SELECT DISTINCT shopper_id FROM orders ORDER BY shopper_id")]

    def close(self) -> None:
        """Release the file."""
        self._connection.close()

    @staticmethod
    def _readable(texts: Sequence[str]) -> list[str]:
        """Drop what no stored text can equal and the database refuses to bind: lone surrogates."""
        return [text for text in map(str, texts) if not any("\ud800" <= char <= "\udfff" for char in text)]


def _product(row: tuple[Any, ...]) -> Product:
    product_id, name, aisle, department, price, available, *_ = row
    return Product(id=product_id, name=name, aisle=aisle, department=department, price=price, available=available)


def _connect(path: Path) -> duckdb.DuckDBPyConnection:
    import duckdb

    # Queries see the catalogue and nothing else: no files, no network, no extensions.
    config: dict[str, str | bool | int | float | list[str]] = {
        "enable_external_access": "false",
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
    }
    try:
        return duckdb.connect(str(path), read_only=True, config=config)
    except duckdb.Error as error:
        cause = str(error).splitlines()[0]
        raise CatalogError(f"the catalogue {path} cannot be opened ({cause}). Import it again.") from error
