"""Human review of a sample: written safely, read back strictly, obeyed exactly."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.teacher_rows import design, theme, write_lines

from training.datasets import DatasetError
from training.examples import DesignExample, Task
from training.review import write_sample

Gate = Callable[..., Any]


def review(path: Path, **verdicts: tuple[str, str]) -> None:
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row["verdict"], row["comment"] = verdicts.get(row["key"].replace("-", "_"), ("", ""))
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def test_reviewers_verdicts_drop_what_they_say_and_nothing_else(tmp_path: Path, gate: Gate) -> None:
    kept, _ = gate(Task.DESIGN, design())
    sample = tmp_path / "sample.csv"
    assert write_sample(sample, kept, 50, 7) == 5
    review(sample, **{"7_1": ("Drop ", "too plain"), "7_2": ("keep", "")})
    kept, report = gate(Task.DESIGN, design(), reviewed=sample)
    assert [(drop.part, drop.key, drop.rule) for drop in report.dropped] == [("theme", "7-1", "human review")]
    assert "too plain" in report.dropped[0].reason
    assert report.reviewed_sha256
    with pytest.raises(DatasetError, match="holds verdicts"):
        write_sample(sample, kept, 50, 7)


def test_a_verdict_that_is_none_is_an_error(tmp_path: Path, gate: Gate) -> None:
    kept, _ = gate(Task.DESIGN, design())
    write_sample(tmp_path / "s.csv", kept, 50, 7)
    review(tmp_path / "s.csv", **{"7_1": ("maybe", "")})
    with pytest.raises(DatasetError, match="'maybe' of 7-1"):
        gate(Task.DESIGN, design(), reviewed=tmp_path / "s.csv")


def test_a_file_that_is_no_sample_is_an_error(tmp_path: Path, gate: Gate) -> None:
    with pytest.raises(DatasetError, match="no review sample"):
        gate(Task.DESIGN, design(), reviewed=write_lines(tmp_path / "x.csv", {"a": 1}))


def test_the_sample_is_seeded_and_holds_no_formulas(tmp_path: Path) -> None:
    rows = [DesignExample.model_validate(design(str(number), [theme(0, title="=1+1 yogurt")])) for number in range(30)]
    contents = set()
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        assert write_sample(tmp_path / name, rows, 10, seed) == 10
        contents.add((tmp_path / name).read_text())
    assert len(contents) == 2
    assert "'=1+1 yogurt" in contents.pop()
