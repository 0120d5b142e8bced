"""Splitting CSV text into rows keeps line numbers right and loses at most the broken row."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.csv_rows import MAX_RECORD_LINES, Row, pick_delimiter, read_rows


def rows(text: str) -> list[Row]:
    return list(read_rows(io.StringIO(text, newline=""), ","))


def test_a_quoted_line_break_counts_as_a_line_of_the_file() -> None:
    assert [(row.line, row.fields) for row in rows('a,"b\nc"\n\nd,e\n')] == [(1, ["a", "b\nc"]), (4, ["d", "e"])]


def test_an_unclosed_quote_costs_one_row() -> None:
    found = rows('1,a\n2,"b\n3,c\n4,"d ""x"""\n')
    assert [(row.line, row.problem is None) for row in found] == [(1, True), (2, False), (3, True), (4, True)]
    assert found[1].fields == ['2,"b']


def test_an_unclosed_quote_before_a_long_rest_costs_one_row() -> None:
    rest = "".join(f"{number},x\n" for number in range(3 * MAX_RECORD_LINES))
    found = rows('1,"b\n' + rest)
    assert found[0].problem
    assert len(found) == 1 + 3 * MAX_RECORD_LINES
    assert [row.line for row in found] == list(range(1, len(found) + 1))


def test_a_field_beyond_the_csv_limit_costs_one_row() -> None:
    found = rows("1,a\n2," + "x" * (csv.field_size_limit() + 1) + "\n3,c\n")
    assert [(row.line, row.problem is None) for row in found] == [(1, True), (2, False), (3, True)]


@given(
    st.lists(
        st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12), min_size=2, max_size=4),
        max_size=8,
    )
)
def test_well_formed_rows_come_back_as_written(written: list[list[str]]) -> None:
    out = io.StringIO(newline="")
    csv.writer(out, quoting=csv.QUOTE_ALL).writerows(written)
    assert [row.fields for row in rows(out.getvalue())] == written


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_the_one_that_finds_the_columns(delimiter: str) -> None:
    assert pick_delimiter(delimiter.join(["name", "product_id", "x"]), ("product_id", "name")) == delimiter
