"""The documented columns of imported files, and the tables of the warehouse."""

from __future__ import annotations

from dataclasses import dataclass

MAX_ID_CHARS = 128
MAX_NAME_CHARS = 200
MAX_CATEGORY_CHARS = 80

# Part of the version digest: a change of tables or of cleaning rules makes a new version of the same input.
TABLES_VERSION = "1"

# Catch-alls of shop systems: products in them stay sellable, the categories are no shelves to send shoppers to.
NOT_SHELVES = ("missing", "other", "others", "unknown", "uncategorised", "uncategorized", "n/a", "none")


@dataclass(frozen=True)
class FileKind:
    """One kind of imported file: its columns and the staging table they land in (all as text, with the line)."""

    name: str
    required: tuple[str, ...]
    optional: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        return self.required + self.optional

    @property
    def staging_ddl(self) -> str:
        columns = ", ".join(f"{column} VARCHAR" for column in self.columns)
        return f"CREATE TABLE raw_{self.name} (line BIGINT, {columns})"


PRODUCTS = FileKind("products", ("product_id", "name", "aisle", "department"), ("price", "available"))
ORDERS = FileKind(
    "orders",
    ("order_id", "shopper_id", "product_id", "order_number"),
    ("ordered_at", "days_since_prior_order", "hour", "position"),
)
TAXONOMY = FileKind("taxonomy", ("department", "aisle"))
KINDS = (PRODUCTS, ORDERS, TAXONOMY)

WAREHOUSE_DDL = (
    "CREATE TABLE {db}.products (product_id VARCHAR PRIMARY KEY, name VARCHAR NOT NULL, aisle VARCHAR NOT NULL,"
    " department VARCHAR NOT NULL, price DOUBLE, available BOOLEAN NOT NULL)",
    "CREATE TABLE {db}.categories (department VARCHAR NOT NULL, aisle VARCHAR NOT NULL, shelf BOOLEAN NOT NULL,"
    " product_count BIGINT NOT NULL)",
    # day: days since the shopper's first order; two orders are dated to each other only within one stretch.
    "CREATE TABLE {db}.orders (order_id VARCHAR NOT NULL, shopper_id VARCHAR NOT NULL, order_number BIGINT NOT NULL,"
    " hour TINYINT, day DOUBLE NOT NULL, stretch INTEGER NOT NULL, is_last BOOLEAN NOT NULL)",
    "CREATE TABLE {db}.order_lines (order_id VARCHAR NOT NULL, shopper_id VARCHAR NOT NULL,"
    " order_number BIGINT NOT NULL, product_id VARCHAR NOT NULL, position BIGINT NOT NULL, is_last BOOLEAN NOT NULL)",
    "CREATE TABLE {db}.product_counts (product_id VARCHAR PRIMARY KEY, orders BIGINT NOT NULL)",
)
