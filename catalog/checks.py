"""Checks of staged rows in SQL: a row that is left out gets one problem, the first that applies."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from catalog.problems import MAX_CONTENT_CHARS, MAX_LISTED, Reject, Rejects

if TYPE_CHECKING:
    import duckdb

# In each checked table ``problem`` is NULL for a usable row, else "what: details"; "what" groups the report.

_TAXONOMY = (
    """
    CREATE TABLE shelves AS SELECT line, as_category(department) AS department, as_category(aisle) AS aisle,
        category_problem(department, aisle) AS problem
    FROM raw_taxonomy""",
    """
    UPDATE shelves SET problem = CASE WHEN lower(shelves.department) = lower(first.department)
            THEN 'duplicate aisle: ' || shown(shelves.aisle) || ' is already on line ' || first.line
            ELSE 'aisle in two departments: ' || shown(shelves.aisle) || ' is in ' || shown(first.department)
                || ' on line ' || first.line || ', here in ' || shown(shelves.department) END
    FROM (SELECT lower(aisle) AS key, min(line) AS line, arg_min(department, line) AS department
        FROM shelves WHERE problem IS NULL GROUP BY ALL) AS first
    WHERE shelves.problem IS NULL AND lower(shelves.aisle) = first.key AND shelves.line > first.line""",
)

_PRODUCTS = (
    """
    CREATE TABLE goods AS SELECT line, trim(product_id) AS product_id, as_name(name) AS name,
        as_category(aisle) AS aisle, as_category(department) AS department,
        CASE WHEN NOT blank(price) THEN try_cast(trim(price) AS DOUBLE) END AS price,
        blank(available) OR lower(trim(available)) IN ('true', 't', 'yes', 'y', '1') AS available,
        as_name(name) <> tidy(name) OR as_category(aisle) <> tidy(aisle)
            OR as_category(department) <> tidy(department) AS shortened,
        CASE WHEN id_problem(product_id, 'product_id') IS NOT NULL THEN id_problem(product_id, 'product_id')
        WHEN tidy(name) = '' THEN 'empty name'
        WHEN category_problem(department, aisle) IS NOT NULL THEN category_problem(department, aisle)
        WHEN NOT blank(price) AND NOT is_number(price) THEN 'price is no number: ' || shown(price)
        WHEN NOT blank(price) AND try_cast(trim(price) AS DOUBLE) < 0 THEN 'negative price: ' || shown(price)
        WHEN NOT blank(available) AND lower(trim(available)) NOT IN
            ('true', 't', 'yes', 'y', '1', 'false', 'f', 'no', 'n', '0')
            THEN 'available is no yes or no: ' || shown(available) END AS problem
    FROM raw_products""",
    """
    UPDATE goods SET problem = 'duplicate product_id: ' || shown(goods.product_id) || ' is already on line '
        || first.line
    FROM (SELECT product_id, min(line) AS line FROM goods WHERE problem IS NULL GROUP BY ALL) AS first
    WHERE problem IS NULL AND goods.product_id = first.product_id AND goods.line > first.line""",
)

# Without a taxonomy file the first product of an aisle says which department it is in.
_SHELVES_FROM_PRODUCTS = """
    CREATE TABLE shelves AS SELECT min(line) AS line, arg_min(department, line) AS department,
        arg_min(aisle, line) AS aisle, NULL::VARCHAR AS problem
    FROM goods WHERE problem IS NULL GROUP BY lower(aisle)"""

_SHELVED = (
    """
    UPDATE goods SET problem = 'unknown aisle: ' || shown(aisle) || ' is not in the taxonomy file'
    WHERE problem IS NULL AND lower(aisle) NOT IN (SELECT lower(aisle) FROM shelves WHERE problem IS NULL)""",
    """
    UPDATE goods SET problem = 'aisle in two departments: ' || shown(goods.aisle) || ' is in '
        || shown(shelves.department) || ' (line ' || shelves.line || $origin || '), here in ' || shown(goods.department)
    FROM shelves WHERE goods.problem IS NULL AND shelves.problem IS NULL
        AND lower(goods.aisle) = lower(shelves.aisle) AND lower(goods.department) <> lower(shelves.department)""",
    # One spelling an aisle and a department: that of the first row.
    """
    UPDATE goods SET aisle = shelves.aisle, department = shelves.department FROM shelves
    WHERE goods.problem IS NULL AND shelves.problem IS NULL AND lower(goods.aisle) = lower(shelves.aisle)
        AND (goods.aisle <> shelves.aisle OR goods.department <> shelves.department)""",
)

_ORDERS = (
    """
    CREATE TABLE baskets AS SELECT line, trim(order_id) AS order_id, trim(shopper_id) AS shopper_id,
        trim(product_id) AS product_id, CASE WHEN is_whole(order_number) THEN whole(order_number) END AS order_number,
        local_time(ordered_at) AS moment, try_cast(trim(days_since_prior_order) AS DOUBLE) AS gap,
        coalesce(CASE WHEN is_whole(hour) THEN whole(hour) END,
            CASE WHEN contains(ordered_at, ':') THEN hour(local_time(ordered_at)) END) AS hour,
        CASE WHEN is_whole(position) THEN whole(position) END AS position,
        CASE WHEN id_problem(order_id, 'order_id') IS NOT NULL THEN id_problem(order_id, 'order_id')
        WHEN id_problem(shopper_id, 'shopper_id') IS NOT NULL THEN id_problem(shopper_id, 'shopper_id')
        WHEN id_problem(product_id, 'product_id') IS NOT NULL THEN id_problem(product_id, 'product_id')
        WHEN blank(order_number) THEN 'empty order_number'
        WHEN NOT is_whole(order_number) THEN 'order_number is no whole number: ' || shown(order_number)
        WHEN NOT blank(ordered_at) AND local_time(ordered_at) IS NULL
            THEN 'ordered_at is no date and time: ' || shown(ordered_at)
        WHEN NOT blank(days_since_prior_order) AND NOT is_number(days_since_prior_order)
            THEN 'days_since_prior_order is no number: ' || shown(days_since_prior_order)
        WHEN NOT blank(days_since_prior_order) AND try_cast(trim(days_since_prior_order) AS DOUBLE) < 0
            THEN 'negative days_since_prior_order: ' || shown(days_since_prior_order)
        WHEN NOT blank(hour) AND NOT coalesce(is_whole(hour) AND whole(hour) <= 23, false)
            THEN 'hour is not 0 to 23: ' || shown(hour)
        WHEN NOT blank(position) AND NOT is_whole(position) THEN 'position is no whole number: ' || shown(position)
        END AS problem
    FROM raw_orders""",
    """
    UPDATE baskets SET problem = 'order of two shoppers: order ' || shown(baskets.order_id) || ' is of shopper '
        || shown(first.shopper_id) || ' on line ' || first.line || ', here of ' || shown(baskets.shopper_id)
    FROM (SELECT order_id, min(line) AS line, arg_min(shopper_id, line) AS shopper_id
        FROM baskets WHERE problem IS NULL GROUP BY ALL) AS first
    WHERE problem IS NULL AND baskets.order_id = first.order_id AND baskets.shopper_id <> first.shopper_id""",
    """
    UPDATE baskets SET problem = 'order with two numbers: order ' || shown(baskets.order_id) || ' is number '
        || first.order_number || ' on line ' || first.line || ', here ' || baskets.order_number
    FROM (SELECT order_id, min(line) AS line, arg_min(order_number, line) AS order_number
        FROM baskets WHERE problem IS NULL GROUP BY ALL) AS first
    WHERE problem IS NULL AND baskets.order_id = first.order_id AND baskets.order_number <> first.order_number""",
    """
    UPDATE baskets SET problem = 'number of two orders: shopper ' || shown(baskets.shopper_id) || ' has order_number '
        || baskets.order_number || ' for order ' || shown(first.order_id) || ' on line ' || first.line
    FROM (SELECT shopper_id, order_number, min(line) AS line, arg_min(order_id, line) AS order_id
        FROM baskets WHERE problem IS NULL GROUP BY ALL) AS first
    WHERE problem IS NULL AND baskets.shopper_id = first.shopper_id AND baskets.order_number = first.order_number
        AND baskets.order_id <> first.order_id""",
    # The orders as dated by their shopper, also those whose every product turns out to be unknown: they took time too.
    """
    CREATE TABLE dated AS
    WITH seen AS (SELECT order_id, any_value(shopper_id) AS shopper_id, any_value(order_number) AS order_number,
            arg_min(moment, line) AS moment, arg_min(gap, line) AS gap, arg_min(hour, line) AS hour
        FROM baskets WHERE problem IS NULL GROUP BY order_id),
    gaps AS (SELECT order_id, shopper_id, order_number, hour,
            coalesce((epoch(moment) - epoch(lag(moment) OVER by_number)) / 86400, gap) AS gap,
            row_number() OVER by_number = 1 AS is_first
        FROM seen WINDOW by_number AS (PARTITION BY shopper_id ORDER BY order_number)),
    known AS (SELECT * REPLACE (CASE WHEN is_first THEN 0 WHEN gap >= 0 THEN gap END AS gap) FROM gaps)
    SELECT order_id, shopper_id, order_number, hour, sum(coalesce(gap, 0)) OVER upto AS day,
        count(*) FILTER (gap IS NULL) OVER upto AS stretch
    FROM known WINDOW upto AS (PARTITION BY shopper_id ORDER BY order_number)""",
    """
    UPDATE baskets SET problem = 'unknown product: product_id ' || shown(product_id) || CASE
        WHEN product_id IN (SELECT product_id FROM goods) THEN ' was rejected in the products file'
        ELSE ' is not in the products file' END
    WHERE problem IS NULL AND product_id NOT IN (SELECT product_id FROM goods WHERE problem IS NULL)""",
    """
    UPDATE baskets SET problem = 'duplicate line: order ' || shown(baskets.order_id) || ' has product '
        || shown(baskets.product_id) || ' on line ' || first.line
    FROM (SELECT order_id, product_id, min(line) AS line FROM baskets WHERE problem IS NULL GROUP BY ALL) AS first
    WHERE problem IS NULL AND baskets.order_id = first.order_id AND baskets.product_id = first.product_id
        AND baskets.line > first.line""",
)

_CHECKED = {"taxonomy": "shelves", "products": "goods", "orders": "baskets"}


def check_products(con: duckdb.DuckDBPyConnection, *, with_taxonomy: bool) -> None:
    """Make ``goods`` and ``shelves`` from the staged products (and taxonomy)."""
    for statement in (*(_TAXONOMY if with_taxonomy else ()), *_PRODUCTS):
        con.execute(statement)
    if not with_taxonomy:
        con.execute(_SHELVES_FROM_PRODUCTS)
    unknown, disagreeing, spelling = _SHELVED
    con.execute(unknown)
    con.execute(disagreeing, {"origin": " of the taxonomy" if with_taxonomy else ""})
    con.execute(spelling)


def check_orders(con: duckdb.DuckDBPyConnection) -> None:
    """Make ``baskets`` (lines) and ``dated`` (orders) from the staged orders, after ``check_products``."""
    for statement in _ORDERS:
        con.execute(statement)


def usable_rows(con: duckdb.DuckDBPyConnection, kind: str) -> int:
    """Return how many rows of a checked file have no problem."""
    table = _CHECKED[kind]
    return con.execute(f"SELECT count(*) FROM {table} WHERE problem IS NULL").fetchall()[0][0]  # noqa: S608


def shortened_names(con: duckdb.DuckDBPyConnection) -> int:
    """Return how many kept products had a name, an aisle or a department cut to length."""
    return con.execute("SELECT count(*) FROM goods WHERE problem IS NULL AND shortened").fetchall()[0][0]


def rejected_rows(con: duckdb.DuckDBPyConnection, kind: str, file: str) -> Rejects:
    """Return the rows of a checked file that have a problem, in the order of the file."""
    table = _CHECKED[kind]
    counts = con.execute(
        f"SELECT split_part(problem, ':', 1), count(*) FROM {table} WHERE problem IS NOT NULL GROUP BY 1 ORDER BY 1"  # noqa: S608
    ).fetchall()
    rows = con.execute(
        f"SELECT line, problem, left(to_json(raw)::VARCHAR, {MAX_CONTENT_CHARS}) FROM {table}"  # noqa: S608
        f" JOIN raw_{kind} AS raw USING (line) WHERE problem IS NOT NULL ORDER BY line LIMIT {MAX_LISTED}"
    ).fetchall()
    return Rejects(
        listed=[Reject(file, line, problem.split(":")[0], problem, content) for line, problem, content in rows],
        counts=Counter({(file, code): count for code, count in counts}),
    )
