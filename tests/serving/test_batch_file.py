"""The JSONL file of a batch: continued, whole, and never mistaken for something else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.sample_pages import sample_page

from serving.batch_file import BatchFile
from serving.pages import PageResult
from state.errors import StoreError


def test_pages_are_written_one_a_line_and_read_back_in_the_order_asked_for(tmp_path: Path) -> None:
    batch = BatchFile.open(tmp_path / "new" / "pages.jsonl")
    batch.append(PageResult("2", page=sample_page("2")))
    batch.append(PageResult("1", page=sample_page("1")))
    assert [page.shopper_id for page in BatchFile.open(batch.path).pages(["1", "2", "3"])] == ["1", "2"]


def test_failed_shoppers_get_a_line_and_are_made_again_when_continued(tmp_path: Path) -> None:
    batch = BatchFile.open(tmp_path / "pages.jsonl")
    batch.append(PageResult("1", page=sample_page("1")))
    batch.append(PageResult("2", error="EngineTimeout: late"))
    lines = [json.loads(line) for line in batch.path.read_text().splitlines()]
    assert lines[1] == {"shopper_id": "2", "error": "EngineTimeout: late"}
    again = BatchFile.open(batch.path)
    assert again.done == {"1"}
    assert len(batch.path.read_text().splitlines()) == 1


def test_a_last_line_that_was_cut_off_is_made_again(tmp_path: Path) -> None:
    batch = BatchFile.open(tmp_path / "pages.jsonl")
    batch.append(PageResult("1", page=sample_page("1")))
    with batch.path.open("a") as file:
        file.write('{"shopper_id": "2", "pers')
    again = BatchFile.open(batch.path)
    assert again.done == {"1"}
    assert batch.path.read_text().endswith("}\n")


def test_line_separators_inside_names_do_not_break_lines(tmp_path: Path) -> None:
    batch = BatchFile.open(tmp_path / "pages.jsonl")
    batch.append(PageResult("1", page=sample_page("1", persona="a\u2028b\x85c")))
    assert BatchFile.open(batch.path).done == {"1"}


def test_a_file_that_is_something_else_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_text("order_id,product_id\n1,2\n")
    with pytest.raises(StoreError, match="line 1 is not a page"):
        BatchFile.open(path)
    assert path.read_text() == "order_id,product_id\n1,2\n"
