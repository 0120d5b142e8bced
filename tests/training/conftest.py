"""The gate around the small shop."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.fakes import GUARDS_DIR
from support.small_shop import SmallCatalog, SmallShoppers, WordEmbedder
from support.teacher_rows import write_lines

from state.settings import Settings
from tools.intent_entries import Taxonomy
from tools.product_index import product_text
from training.examples import Example, Task
from training.gate import GateTools, Thresholds, run_gate
from training.gate_guards import PageChecks
from training.gate_report import GateReport
from training.grounding import ConceptMatcher

Gate = Callable[..., tuple[list[Example], GateReport]]


@pytest.fixture(scope="module")
def tools() -> GateTools:
    catalog, embedder = SmallCatalog(), WordEmbedder()
    products = catalog.all_products()
    vectors = embedder.embed([product_text(product) for product in products])
    settings = Settings(guards_dir=GUARDS_DIR, guards={"duplicates": {"theme_similarity": 0.9}})
    return GateTools(
        embedder=embedder,
        catalog_version=catalog.version,
        checks=PageChecks(settings, SmallShoppers(catalog), embedder),
        matcher=ConceptMatcher(products, vectors, embedder),
        product_ids=frozenset(product.id for product in products),
        taxonomy=Taxonomy.of("1", catalog.categories()),
        shelf_names=frozenset(product.name.casefold() for product in products) | {"fresh fruits"},
        brands=frozenset({"Chobani", "Finish", "Ben and Jerry's"}),
        thresholds=Thresholds(near_duplicate=0.97, concept=0.5),
    )


@pytest.fixture
def gate(tmp_path: Path, tools: GateTools) -> Gate:
    """Runs the gate over rows given as records or as text."""

    def run(
        task: Task, *rows: Any, reviewed: Path | None = None, with_tools: GateTools | None = None
    ) -> tuple[list[Example], GateReport]:
        return run_gate(task, write_lines(tmp_path / "in.jsonl", *rows), with_tools or tools, reviewed)

    return run
