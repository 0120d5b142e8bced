"""The drawing in the docs is the one of the code, and a new guard changes it without any other edit."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from graph.drawing import mermaid, with_drawing
from graph.guards import discover_guards
from graph.intent_guards import discover_intent_guards
from graph.page import build_page_graph
from state.settings import PROJECT_ROOT

NEW_GUARD = '''
"""Refuses titles that shout."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from state.guard import Guard, GuardConfig, GuardContext, Level, register_guard
from state.placement import Placement
from state.verdict import Action, Verdict


class Config(GuardConfig):
    on_error: Action = Action.DROP


@register_guard
class ShoutingGuard(Guard):
    name: ClassVar[str] = "shouting"
    level: ClassVar[Level] = "placement"
    order: ClassVar[int] = 15
    version: ClassVar[str] = "1"
    Config = Config

    def check(self, placements: Sequence[Placement], context: GuardContext) -> list[Verdict]:
        return [self.passed(placement) for placement in placements]
'''


@pytest.mark.parametrize("document", ["architecture.md", "intents.md"])
def test_the_documents_hold_the_drawings_of_the_code(document: str) -> None:
    text = (PROJECT_ROOT / "docs" / document).read_text(encoding="utf-8")
    assert text == with_drawing(text), "the drawing is stale: run 'make docs'"


def test_a_document_without_markers_is_refused() -> None:
    with pytest.raises(ValueError, match="markers"):
        with_drawing("no place for a drawing")


def test_a_new_file_in_the_folder_is_a_new_node_between_its_neighbours(tmp_path: Path) -> None:
    folder = tmp_path / "guards"
    shutil.copytree(PROJECT_ROOT / "guardrails", folder, ignore=shutil.ignore_patterns("__pycache__"))
    before = build_page_graph(guards_dir=folder).get_graph(xray=True)
    (folder / "shouting.py").write_text(NEW_GUARD, encoding="utf-8")
    after = build_page_graph(guards_dir=folder).get_graph(xray=True)
    assert set(after.nodes) - set(before.nodes) == {"build_placement:guard_shouting"}
    edges = {(edge.source, edge.target) for edge in after.edges}
    assert ("build_placement:guard_policy", "build_placement:guard_shouting") in edges
    assert ("build_placement:guard_shouting", "build_placement:guard_taxonomy") in edges


def test_the_drawing_names_every_guard_of_the_project() -> None:
    drawn = mermaid("page")
    for guard in discover_guards(PROJECT_ROOT / "guardrails"):
        assert f"guard_{guard.name}" in drawn
    drawn = mermaid("intent")
    for intent_guard in discover_intent_guards(PROJECT_ROOT / "guardrails"):
        assert f"guard_{intent_guard.name}" in drawn
