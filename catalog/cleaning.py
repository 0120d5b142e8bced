"""SQL macros that clean and parse the text of staged rows; shared by the checks of every kind of file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from catalog.schema import MAX_CATEGORY_CHARS, MAX_ID_CHARS, MAX_NAME_CHARS

if TYPE_CHECKING:
    import duckdb

# Invisible characters that hide or reorder text: zero-width space, bidirectional controls, byte-order mark, tag
# characters, private use. Joiners (U+200C, U+200D) stay: Persian and Indic spelling needs them.
_HIDDEN = (
    r"[\x{200b}\x{200e}\x{200f}\x{202a}-\x{202e}\x{2060}-\x{206f}\x{feff}\x{fff9}-\x{fffb}\x{e0000}-\x{e007f}\p{Co}]"
)
_CONTROL = r"[\p{Cc}\p{Zl}\p{Zp}]"

_MACROS = (
    "blank(t) AS (t IS NULL OR trim(t) = '')",
    f"visible(t) AS regexp_replace(nfc_normalize(coalesce(t, '')), '{_HIDDEN}', '', 'g')",
    rf"tidy(t) AS trim(regexp_replace(regexp_replace(visible(t), '{_CONTROL}', ' ', 'g'), '[\s\p{{Zs}}]+', ' ', 'g'))",
    f"as_name(t) AS trim(left(tidy(t), {MAX_NAME_CHARS}))",
    f"as_category(t) AS trim(left(tidy(t), {MAX_CATEGORY_CHARS}))",
    "category_problem(department, aisle) AS CASE"
    " WHEN tidy(department) = '' THEN 'empty department'"
    " WHEN tidy(aisle) = '' THEN 'empty aisle'"
    " WHEN contains(tidy(aisle), ' > ') OR contains(tidy(department), ' > ')"
    " THEN 'separator in category: '' > '' may not be part of an aisle or a department' END",
    "id_problem(t, field) AS CASE"
    " WHEN blank(t) THEN 'empty ' || field"
    f" WHEN length(trim(t)) > {MAX_ID_CHARS} THEN field || ' too long: over {MAX_ID_CHARS} characters'"
    r" WHEN regexp_matches(trim(t), '[\p{Cc}\p{Cf}\p{Co}\p{Zl}\p{Zp}]') THEN field || ' with control characters' END",
    r"is_number(t) AS regexp_full_match(trim(t), '[+-]?(\d{1,15}(\.\d*)?|\.\d+)([eE][+-]?\d{1,2})?')",
    r"is_whole(t) AS regexp_full_match(trim(t), '\d{1,15}(\.0*)?')",
    "whole(t) AS try_cast(try_cast(trim(t) AS DOUBLE) AS BIGINT)",
    # The written local time: the offset is cut, because the hour of the day is meant where the shopper is.
    r"local_time(t) AS CASE WHEN regexp_matches(trim(t), '^\d{4}-\d{1,2}-\d{1,2}') THEN try_cast(regexp_replace("
    r"trim(t), '(?:\s*(?:Z|UTC)|([T ][\d:.]+)[+-]\d{2}:?\d{0,2})$', '\1') AS TIMESTAMP) END",
    "shown(t) AS '''' || left(tidy(t), 60) || ''''",
)


def create_macros(con: duckdb.DuckDBPyConnection) -> None:
    """Define the macros on this connection."""
    for macro in _MACROS:
        con.execute(f"CREATE TEMP MACRO {macro}")
