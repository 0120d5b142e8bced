"""docs/data.md names every column, limit and problem that the code has."""

from __future__ import annotations

import re
from pathlib import Path

from catalog.schema import KINDS, MAX_CATEGORY_CHARS, MAX_ID_CHARS, MAX_NAME_CHARS

ROOT = Path(__file__).parents[2]
DOC = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")


def test_every_column_is_documented() -> None:
    for kind in KINDS:
        for column in kind.columns:
            assert f"`{column}`" in DOC, column


def test_every_problem_is_documented() -> None:
    checks = (ROOT / "catalog" / "checks.py").read_text(encoding="utf-8")
    problems = set(re.findall(r"(?:THEN|=|ELSE) '([a-z][a-z_ 0-9]+)(?:: [^']*)?'", checks))
    assert len(problems) >= 20
    for problem in problems:
        assert f"`{problem}`" in DOC, problem


def test_the_documented_limits_are_those_in_force() -> None:
    for limit in (MAX_ID_CHARS, MAX_NAME_CHARS, MAX_CATEGORY_CHARS):
        assert f"{limit} characters" in DOC
