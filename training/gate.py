"""The quality gate: decides what of a data set is good enough to train on and to measure with."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, cast

from state.guard import Embedder
from tools.intent_entries import Taxonomy
from training.brands import BrandFinder
from training.datasets import DatasetError, read_dataset
from training.examples import (
    DesignExample,
    Example,
    IntentExample,
    JudgeExample,
    KeywordExample,
    RelevanceExample,
    Task,
)
from training.gate_design import DesignRules, thin_row
from training.gate_queries import query_drops
from training.gate_report import MIN_CONCEPTS, MIN_THEMES, Drop, GateReport, apply_drops
from training.gate_rows import (
    choice_drops,
    duplicate_theme_drops,
    judgement_drops,
    label_drops,
    unknown_product_drops,
)
from training.review import review_drops

if TYPE_CHECKING:
    from training.gate_guards import PageChecks
    from training.grounding import ConceptMatcher

RULES_VERSION = "1"
JudgePruning = Callable[[Sequence[DesignExample]], list[Drop]]


@dataclass(frozen=True)
class Thresholds:
    """Cosines: from which two themes are near-duplicates, below which a concept matches no product by meaning."""

    near_duplicate: float = 0.95
    concept: float = 0.55


@dataclass(frozen=True)
class GateTools:
    """What the rules look things up with. Designs need ``checks`` and ``matcher``, relevance ``product_ids``, queries
    ``taxonomy``."""

    embedder: Embedder
    catalog_version: str
    checks: PageChecks | None = None
    matcher: ConceptMatcher | None = None
    product_ids: frozenset[str] = frozenset()
    taxonomy: Taxonomy | None = None
    shelf_names: frozenset[str] = frozenset()
    brands: frozenset[str] = frozenset()
    judge: JudgePruning | None = None
    judge_name: str | None = None
    thresholds: Thresholds = field(default_factory=Thresholds)


def run_gate(
    task: Task, path: Path, tools: GateTools, reviewed: Path | None = None, on_row: Callable[[], object] = lambda: None
) -> tuple[list[Example], GateReport]:
    """Return the rows of ``path`` that pass, marked with the gate's version, and the record of what was dropped.

    The same file, catalogue, rules and review give the same result (a judge at an endpoint may answer otherwise).

    Raises:
        DatasetError: a file cannot be read, or nothing is left.
        EngineError: the judge cannot be reached.
    """
    numbered, problems = read_dataset(task, path)
    drops = [
        Drop(part="row", key=f"line {problem.line}", rule="schema", reason=f"{problem.reason}: {problem.detail}"[:300])
        for problem in problems
    ]
    rows, again = _distinct(numbered)
    drops += again
    found = _drops(task, rows, tools, on_row)
    digest_of_review = None
    if reviewed:
        more, digest_of_review = review_drops(reviewed, apply_drops(found, rows, ""))
        found += more
    if task is Task.DESIGN:
        found += _thin_rows(found, rows)
    gate = _version(tools)
    kept = apply_drops(found, rows, gate)
    if not kept:
        raise DatasetError(f"{path}: the gate left nothing of {len(numbered) + len(problems):,} rows.")
    report = GateReport(
        gate=gate,
        task=task,
        dataset=path.name,
        dataset_sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        catalog=tools.catalog_version,
        thresholds=_numbers(tools),
        embedder=tools.embedder.name,
        judge=tools.judge_name,
        reviewed_sha256=digest_of_review,
        rows_in=len(numbered) + len(problems),
        rows_kept=len(kept),
        themes_kept=sum(len(row.themes) for row in kept if isinstance(row, DesignExample)) or None,
        kept_by_split=dict(sorted(Counter(row.split for row in kept).items())),
        dropped=drops + found,
    )
    return kept, report


def _distinct(numbered: Sequence[tuple[int, Example]]) -> tuple[list[Example], list[Drop]]:
    """Return the first row of each key; later ones go by their line number, so that the first is not meant.

    Of a query that is written for training too, the row that is measured on stays.
    """
    numbered = sorted(numbered, key=lambda entry: getattr(entry[1], "train_only", False))
    first: dict[str, Example] = {}
    drops = []
    for number, row in numbered:
        if first.setdefault(row.key, row) is not row:
            same = first[row.key].model_dump(exclude={"gate"}) == row.model_dump(exclude={"gate"})
            reason = f"{row.key} stands in an earlier line{'' if same else ' with other content'}"
            drops.append(Drop(part="row", key=f"line {number}", split=row.split, rule="key twice", reason=reason))
    return list(first.values()), drops


def _drops(task: Task, rows: Sequence[Example], tools: GateTools, on_row: Callable[[], object]) -> list[Drop]:
    near = tools.thresholds.near_duplicate
    if task is Task.DESIGN:
        return _design_drops(cast("Sequence[DesignExample]", rows), tools, on_row)
    if task is Task.KEYWORDS:
        drops = [drop for row in cast("Sequence[KeywordExample]", rows) for drop in choice_drops(row)]
        return [*drops, *duplicate_theme_drops(apply_drops(drops, rows, ""), tools.embedder, near)]
    if task is Task.RELEVANCE:
        labels = cast("Sequence[RelevanceExample]", rows)
        drops = [*unknown_product_drops(labels, tools.product_ids)]
        left = cast("Sequence[RelevanceExample]", apply_drops(drops, rows, ""))
        return [*drops, *label_drops(left, tools.embedder, near)]
    if task is Task.INTENTS:
        assert tools.taxonomy is not None
        return [*query_drops(cast("Sequence[IntentExample]", rows), tools.taxonomy)]
    return [*judgement_drops(cast("Sequence[JudgeExample]", rows))]


def _design_drops(rows: Sequence[DesignExample], tools: GateTools, on_row: Callable[[], object]) -> list[Drop]:
    assert tools.checks is not None
    assert tools.matcher is not None
    themes = [theme for row in rows for theme in row.themes]
    concepts = [concept for theme in themes for concept in theme.concepts]
    rules = DesignRules(
        checks=tools.checks,
        brands=BrandFinder(tools.brands, [*concepts, *(theme.rationale for theme in themes)]),
        shelf_names=tools.shelf_names,
        unmatched=tools.matcher.unmatched(concepts, tools.thresholds.concept),
    )
    drops: list[Drop] = []
    for row in rows:
        drops += rules.drops(row)
        on_row()
    drops += duplicate_theme_drops(apply_drops(drops, rows, ""), tools.embedder, tools.thresholds.near_duplicate)
    if tools.judge:
        left = apply_drops(drops + _thin_rows(drops, rows), rows, "")
        drops += tools.judge(cast("Sequence[DesignExample]", left))
    return drops


def _thin_rows(drops: Sequence[Drop], rows: Sequence[Example]) -> list[Drop]:
    left = {row.key: row for row in apply_drops(drops, rows, "") if isinstance(row, DesignExample)}
    designs = [row for row in rows if isinstance(row, DesignExample) and row.key in left]
    return [drop for row in designs for drop in thin_row(row, len(left[row.key].themes))]


def _numbers(tools: GateTools) -> dict[str, float]:
    limits = tools.thresholds
    return {
        "near_duplicate": limits.near_duplicate,
        "concept": limits.concept,
        "min_themes": MIN_THEMES,
        "min_concepts": MIN_CONCEPTS,
    }


def _version(tools: GateTools) -> str:
    """Return the version of the rules and a digest of all that they depend on besides the data."""
    guards = tools.checks.version if tools.checks else None
    parts = [RULES_VERSION, _numbers(tools), guards, tools.embedder.name, tools.catalog_version, tools.judge_name]
    about = json.dumps([*parts, sorted(tools.brands)], sort_keys=True)
    return f"{RULES_VERSION}-{hashlib.sha256(about.encode()).hexdigest()[:12]}"
