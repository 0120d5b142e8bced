"""The sample that people review: written as CSV, read back with their verdicts."""

from __future__ import annotations

import csv
import hashlib
import io
import random
from collections.abc import Sequence
from pathlib import Path

from training.datasets import DatasetError, natural, write_whole
from training.examples import (
    DesignExample,
    Example,
    JudgeExample,
    KeywordExample,
    RelevanceExample,
)
from training.gate_report import Drop, Part
from training.splits import Split

COLUMNS = ("key", "split", "title", "why", "content", "verdict", "comment")
VERDICTS = {"": False, "keep": False, "ok": False, "drop": True}
# A spreadsheet runs a cell that begins like this as a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def review_units(rows: Sequence[Example]) -> dict[str, tuple[Part, Split, tuple[str, str, str]]]:
    """Return what can be reviewed, by key: themes of designs, rows of the rest; with title, reason and content."""
    units: dict[str, tuple[Part, Split, tuple[str, str, str]]] = {}
    for row in rows:
        if isinstance(row, DesignExample):
            for theme in row.themes:
                units[theme.id] = "theme", row.split, (theme.title, theme.rationale, ", ".join(theme.concepts))
        elif isinstance(row, KeywordExample):
            chosen = ", ".join([*row.chosen_keywords, *row.chosen_categories, *row.chosen_filters])
            units[row.key] = "row", row.split, (row.title, row.rationale, chosen or "(none fits)")
        elif isinstance(row, RelevanceExample):
            content = f"product {row.product_id}: label {row.label}"
            units[row.key] = "row", row.split, (row.title, row.rationale, content)
        elif isinstance(row, JudgeExample):
            titles = "; ".join(item.title for item in row.placements)
            units[row.key] = "row", row.split, (titles, "", row.answers.model_dump_json())
    return units


def write_sample(path: Path, rows: Sequence[Example], size: int, seed: int) -> int:
    """Write ``size`` random units of ``rows`` for review; the same rows and seed give the same file.

    Raises:
        DatasetError: the file holds verdicts already, or cannot be written.
    """
    if path.exists() and any(verdict for verdict, _ in _read(path).values()):
        raise DatasetError(f"{path} holds verdicts: give it as --reviewed, and another file for --review.")
    units = review_units(rows)
    keys = sorted(units, key=natural)
    chosen = sorted(random.Random(seed).sample(keys, min(size, len(keys))), key=natural)
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for key in chosen:
        _, split, about = units[key]
        writer.writerow([_cell(value) for value in (key, split, *about, "", "")])
    write_whole(path, text.getvalue().encode())
    return len(chosen)


def review_drops(path: Path, rows: Sequence[Example]) -> tuple[list[Drop], str]:
    """Return the drops that reviewers decided on, and the SHA-256 of their file.

    A verdict is "keep" (or "ok"), "drop", or empty: not reviewed. Keys that are no longer among ``rows`` do nothing.

    Raises:
        DatasetError: the file cannot be read, or a verdict is none of these.
    """
    units = review_units(rows)
    drops = []
    for key, (verdict, comment) in _read(path).items():
        if verdict not in VERDICTS:
            raise DatasetError(f"{path}: verdict '{verdict[:40]}' of {key} is not keep, drop or empty.")
        if VERDICTS[verdict] and key in units:
            part, split, (title, _, _) = units[key]
            reason = f"{comment or 'no comment'}: {title}"
            drops.append(Drop(part=part, key=key, split=split, rule="human review", reason=reason[:300]))
    return drops, hashlib.sha256(path.read_bytes()).hexdigest()


def _read(path: Path) -> dict[str, tuple[str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            if not {"key", "verdict", "comment"} <= set(reader.fieldnames or ()):
                raise DatasetError(f"{path} is no review sample: it needs the columns {', '.join(COLUMNS)}.")
            return {
                _uncell(row["key"] or ""): ((row["verdict"] or "").strip().casefold(), (row["comment"] or "").strip())
                for row in reader
            }
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"cannot read {path}: {error}.") from error


def _cell(value: str) -> str:
    return f"'{value}" if value.startswith(_FORMULA) else value


def _uncell(value: str) -> str:
    return value[1:] if value.startswith("'") and value[1:].startswith(_FORMULA) else value
