"""What the quality gate dropped and why: the record that stands beside a data set, and applying it to rows."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from training.datasets import DatasetError, first_fault, natural, write_whole
from training.examples import DesignExample, Example, Task
from training.splits import Split

Part = Literal["row", "theme", "concept"]
MIN_THEMES, MIN_CONCEPTS = 4, 3


class Drop(BaseModel):
    """One thing taken out: a row, a theme of a design, or a concept of a theme (``text`` names it)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    part: Part
    key: str
    rule: str
    reason: str
    split: Split | None = None
    text: str | None = None


class GateReport(BaseModel):
    """The record of one run. ``gate`` is a digest of rules, thresholds and guards: rows carry it.

    ``rows_in`` counts the lines that are no row too, which are dropped under the rule "schema".
    """

    model_config = ConfigDict(extra="forbid")

    gate: str
    task: Task
    dataset: str
    dataset_sha256: str
    catalog: str
    thresholds: dict[str, float]
    embedder: str
    judge: str | None = None
    reviewed_sha256: str | None = None
    rows_in: int = Field(ge=0)
    rows_kept: int = Field(ge=0)
    themes_kept: int | None = None
    kept_by_split: dict[Split, int]
    dropped: list[Drop]

    def counts(self) -> dict[tuple[str, Part], Counter[str]]:
        """Return the number of drops by rule and part, and by split within each."""
        counts: dict[tuple[str, Part], Counter[str]] = defaultdict(Counter)
        for drop in self.dropped:
            counts[drop.rule, drop.part][drop.split or "-"] += 1
        return dict(counts)


def apply_drops(drops: Iterable[Drop], rows: Sequence[Example], gate: str) -> list[Example]:
    """Return ``rows`` without what was dropped, marked with the version of the gate; the given rows stay unchanged."""
    taken: dict[Part, set[str]] = {"row": set(), "theme": set(), "concept": set()}
    concepts: dict[str, set[str]] = defaultdict(set)
    for drop in drops:
        if drop.part == "concept":
            concepts[drop.key].add(drop.text or "")
        else:
            taken[drop.part].add(drop.key)
    kept: list[Example] = []
    for row in rows:
        if row.key in taken["row"]:
            continue
        row = row.model_copy(update={"gate": gate})
        if isinstance(row, DesignExample):
            row.themes = [
                theme.model_copy(update={"concepts": [c for c in theme.concepts if c not in concepts[theme.id]]})
                for theme in row.themes
                if theme.id not in taken["theme"]
            ]
        kept.append(row)
    return kept


def apply_report(report: GateReport, rows: Sequence[Example]) -> list[Example]:
    """Return ``rows``, which the report is about, as the gate let them through."""
    return apply_drops(report.dropped, rows, report.gate)


def read_report(path: Path) -> GateReport:
    """Return the report of a file.

    Raises:
        DatasetError: it cannot be read.
    """
    try:
        return GateReport.model_validate_json(path.read_bytes())
    except OSError as error:
        raise DatasetError(f"cannot read the gate's report {path}: {error}. Run 'shelfwise teach gate'.") from error
    except ValidationError as error:
        raise DatasetError(f"{path} is no report of the gate ({first_fault(error)}).") from None


def write_report(path: Path, report: GateReport) -> None:
    """Write the report, drops in order of their keys.

    Raises:
        DatasetError: it cannot be written.
    """
    ordered = sorted(report.dropped, key=lambda drop: (natural(drop.key), drop.part, drop.rule, drop.text or ""))
    content = report.model_copy(update={"dropped": ordered}).model_dump_json(indent=1, exclude_none=True)
    write_whole(path, f"{content}\n".encode())
