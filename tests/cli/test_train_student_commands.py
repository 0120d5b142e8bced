from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from support.tiny_student import tiny_base, tiny_data
from typer.testing import CliRunner

from cli import train_student
from cli.main import app
from state.errors import ModelsError, ShelfwiseError
from state.settings import load_settings
from training import student_data
from training.student_config import ADAPTER
from training.student_data import StudentData

SMALL = ["--tokens", "300", "--rank", "4", "--dtype", "float32"]


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return tiny_base(tmp_path / "tiny-base")


@pytest.fixture
def invoke(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs ``shelfwise train`` in a home of its own, on examples that need no shop."""

    def examples(shop: object, tokenizer: object, tasks: list[Any]) -> StudentData:
        data = tiny_data(train=8, dev=2)
        return StudentData({task: data.train[task] for task in tasks}, {task: data.dev[task] for task in tasks}, {})

    monkeypatch.setenv("SHELFWISE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(train_student, "open_student_shop", lambda settings, tasks: None)
    monkeypatch.setattr(student_data, "student_data", examples)
    load_settings.cache_clear()

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(app, ["train", *arguments])

    yield run
    load_settings.cache_clear()


def test_train_student_writes_adapter_and_cards(invoke: Callable[..., Result], base: Path, tmp_path: Path) -> None:
    out = tmp_path / "student"
    result = invoke("student", "--base", str(base), *SMALL, "--tasks", "design,judge", "--out", str(out))
    assert result.exit_code == 0, result.output
    assert {path.name for path in out.iterdir()} == {ADAPTER, "adapter_config.json", "run_card.json", "README.md"}
    assert re.search(r"design: \d+ sequences", result.output)
    assert "keywords:" not in result.output


def test_a_full_output_folder_is_refused_before_training(
    invoke: Callable[..., Result], base: Path, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("precious")
    result = invoke("student", "--base", str(base), *SMALL, "--out", str(tmp_path / "out"))
    assert isinstance(result.exception, ShelfwiseError)
    assert "--force" in str(result.exception)
    assert not (tmp_path / "home" / "student").exists()


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--tasks", "design,cooking", "no student task 'cooking'. Tasks are: design, keywords, judge"),
        ("--tasks", "design=lots", "no share"),
        ("--tasks", "design=-1", "leaves nothing to train"),
        ("--samples", "0%", "no part of the samples"),
        ("--samples", "all", "no part of the samples"),
        ("--dtype", "int4", "none of auto, float32, bfloat16"),
    ],
)
def test_wrong_options_say_what_is_right(
    invoke: Callable[..., Result], base: Path, option: str, value: str, said: str
) -> None:
    result = invoke("student", "--base", str(base), *SMALL, option, value)
    assert isinstance(result.exception, ShelfwiseError)
    assert said in str(result.exception)


def test_a_base_that_was_not_fetched_is_an_error_of_every_command(
    invoke: Callable[..., Result], tmp_path: Path
) -> None:
    for command in (["student", "--base", "smollm2-135m-instruct"], ["ablation", "--bases", "smollm2-135m-instruct"]):
        result = invoke(*command)
        assert isinstance(result.exception, ModelsError)
        assert "shelfwise models fetch smollm2-135m-instruct" in str(result.exception)


def test_ablation_prints_a_row_for_each_cell_and_keeps_the_cells(
    invoke: Callable[..., Result], base: Path, tmp_path: Path
) -> None:
    table = tmp_path / "table.md"
    budget = ["--budget", "400", "--dtype", "float32", "--out", str(table)]
    result = invoke("ablation", "--bases", str(base), "--ranks", "2,4", "--samples", "50%", *budget)
    assert result.exit_code == 0, result.output
    rows = table.read_text().splitlines()
    assert len(rows) == 2 + 2
    assert rows[0].startswith("| base | rank | samples | tokens | steps | design dev loss")
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "home" / "student").glob("*/adapter/*")}
    assert len(kept) == 2 * 3
    result = invoke("ablation", "--bases", str(base), "--ranks", "2,4", "--samples", "50%,100%", *budget)
    assert result.exit_code == 0, result.output
    now = {path: path.stat().st_mtime_ns for path in (tmp_path / "home" / "student").glob("*/adapter/*")}
    assert kept.items() <= now.items()
    assert len(now) == 4 * 3
    assert [row for row in table.read_text().splitlines() if "| 50% |" in row] == rows[2:]


def test_export_without_a_target_says_what_can_be_named(invoke: Callable[..., Result]) -> None:
    result = invoke("export")
    assert "--merged DIR" in str(result.exception)
