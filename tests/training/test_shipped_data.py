"""The labels that ship: unchanged, complete, split as their card says."""

from __future__ import annotations

import gzip
import hashlib
import re
import shutil
from pathlib import Path

import pytest

from tools.labelled_queries import query_key
from training import datasets
from training.datasets import DATA_DIR, FILES, DatasetError, checksums, gate_report_name, load_examples, write_dataset
from training.examples import EXAMPLES, Task
from training.gate_report import read_report
from training.query_products import QUERY_PRODUCTS, load_query_products
from training.second_labels import SECOND_LABELS, load_second_labels
from training.splits import SPLITS
from training.synonym_fit import SYNONYM_PAIRS

BESIDE = {QUERY_PRODUCTS, SECOND_LABELS, SYNONYM_PAIRS}


def test_every_shipped_file_is_the_one_that_was_listed() -> None:
    assert set(checksums()) == {*FILES.values(), *BESIDE}
    for name, digest in checksums().items():
        assert hashlib.sha256((DATA_DIR / name).read_bytes()).hexdigest() == digest, name


@pytest.mark.parametrize("task", FILES)
def test_rows_are_typed_and_every_row_is_in_one_split(task: Task) -> None:
    rows = load_examples(task, gated=False)
    assert {type(row) for row in rows} == {EXAMPLES[task]}
    assert sum(len(load_examples(task, split, gated=False)) for split in SPLITS) == len(rows)
    assert len({row.key for row in rows}) == len(rows)


@pytest.mark.parametrize("task", FILES)
def test_the_card_states_the_sizes(task: Task) -> None:
    card = (DATA_DIR / "README.md").read_text(encoding="utf-8")
    [line] = [line for line in card.splitlines() if line.startswith(f"| `{FILES[task]}`")]
    stated = [int(number.replace(",", "")) for number in re.findall(r"(?<=\| )[\d,]+(?= \|)", line)]
    every = [len(load_examples(task, split, gated=False)) for split in SPLITS]
    assert stated == [sum(every), *every]


def test_every_held_out_query_has_judged_products_and_second_labels() -> None:
    second = load_second_labels()
    for split in ("dev", "test"):
        rows = load_examples(Task.INTENTS, split)  # type: ignore[arg-type]
        assert {row.key for row in rows} <= second.keys()
        judged = load_query_products(split)  # type: ignore[arg-type]
        assert {query_key(row.corrected) for row in rows} == judged.keys()
        assert all(len(row.grades) == len(row.asked_for + row.close + row.other) for row in judged.values())


def test_themes_of_keywords_and_relevance_are_themes_of_the_designs() -> None:
    titles = {theme.id: theme.title for row in load_examples(Task.DESIGN, gated=False) for theme in row.themes}
    for task in (Task.KEYWORDS, Task.RELEVANCE):
        assert all(titles[row.theme_id] == row.title for row in load_examples(task, gated=False))


@pytest.mark.parametrize("task", FILES)
def test_the_report_of_the_gate_is_about_the_shipped_file(task: Task) -> None:
    report = read_report(DATA_DIR / gate_report_name(task))
    assert report.task is task
    assert report.dataset_sha256 == checksums()[FILES[task]]
    kept = load_examples(task)
    assert len(kept) == report.rows_kept
    assert {row.gate for row in kept} == {report.gate}


def test_what_the_gate_dropped_is_left_out_and_asked_for_comes_back() -> None:
    report = read_report(DATA_DIR / gate_report_name(Task.DESIGN))
    dropped = {drop.key for drop in report.dropped if drop.part == "theme"}
    assert dropped
    assert not dropped & {theme.id for row in load_examples(Task.DESIGN) for theme in row.themes}
    assert dropped <= {theme.id for row in load_examples(Task.DESIGN, gated=False) for theme in row.themes}


def test_a_task_without_labels_is_an_error_that_names_the_others() -> None:
    with pytest.raises(DatasetError, match=r"'judge'.*design"):
        load_examples(Task.JUDGE)


def forget() -> None:
    datasets._shipped.cache_clear()
    datasets._gated.cache_clear()


def test_a_changed_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "data"
    shutil.copytree(DATA_DIR, folder)
    path = folder / FILES[Task.INTENTS]
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()) + b"\n"))
    monkeypatch.setattr(datasets, "DATA_DIR", folder)
    forget()
    try:
        with pytest.raises(DatasetError, match="not the file that was shipped"):
            load_examples(Task.INTENTS)
    finally:
        forget()


@pytest.mark.parametrize("task", [Task.DESIGN, Task.INTENTS])
def test_writing_the_rows_again_in_any_order_gives_the_shipped_bytes(task: Task, tmp_path: Path) -> None:
    rows = load_examples(task, gated=False)
    digest = write_dataset(tmp_path / FILES[task], reversed(rows))
    assert gzip.decompress((tmp_path / FILES[task]).read_bytes()) == gzip.decompress(
        (DATA_DIR / FILES[task]).read_bytes()
    )
    assert digest == write_dataset(tmp_path / "again.jsonl.gz", rows)
