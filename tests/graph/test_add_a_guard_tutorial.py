"""docs/add-a-guard.md does what it says: its file, copied in and nothing else, adds a guard and a node."""

from __future__ import annotations

import re
import shutil
import tomllib
from pathlib import Path

import pytest
from support.fakes import GUARDS_DIR, YesNoChat, context, placement, product
from support.small_shop import small_services

from graph.guards import build_guard, build_guards, discover_guards, run_guard
from graph.page import build_page_graph
from state.verdict import Action, Outcome

TUTORIAL = GUARDS_DIR.parent / "docs" / "add-a-guard.md"


def block(language: str) -> str:
    [found] = re.findall(rf"```{language}\n(.*?)```", TUTORIAL.read_text("utf-8"), flags=re.DOTALL)
    return str(found)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    copied = tmp_path / "guardrails"
    shutil.copytree(GUARDS_DIR, copied, ignore=shutil.ignore_patterns("__pycache__"))
    [name] = re.findall(r"`guardrails/(\w+\.py)`:", TUTORIAL.read_text("utf-8"))
    (copied / name).write_text(block("python"), encoding="utf-8")
    return copied


def drawing(guards_dir: Path) -> str:
    graph = build_page_graph(services=lambda: small_services(YesNoChat()), guards_dir=guards_dir)
    return graph.get_graph(xray=True).draw_mermaid()


def test_the_file_alone_adds_the_guard_at_its_place(folder: Path) -> None:
    names = [guard.name for guard in discover_guards(folder)]
    assert names == ["policy", "variety", "taxonomy", "relevance", "duplicates", "judge"]


def test_the_file_alone_adds_its_node_to_the_graph_drawing(folder: Path) -> None:
    before, after = drawing(GUARDS_DIR), drawing(folder)
    assert "guard_variety" not in before
    nodes = [set(re.findall(r"guard_\w+", text)) for text in (before, after)]
    assert nodes[1] - nodes[0] == {"guard_variety"}
    assert nodes[0] <= nodes[1]


async def test_the_guard_judges_as_the_page_says(folder: Path) -> None:
    [variety] = [cls for cls in discover_guards(folder) if cls.name == "variety"]
    alike = placement(products=[product(f"{size} oz milk") for size in range(6)])
    varied = placement(id="7-1", products=[product("Milk"), product("Rye bread"), product("Tea")])
    found = await run_guard(build_guard(variety, {}), [alike, varied], context([alike, varied]))
    assert [(v.outcome, v.action) for v in found] == [(Outcome.FAIL, Action.REPAIR), (Outcome.PASS, Action.KEEP)]


def test_the_settings_shown_are_accepted(folder: Path) -> None:
    settings = tomllib.loads(block("toml"))["guards"]
    built = build_guards(discover_guards(folder), settings)
    assert [guard.config.model_dump()["threshold"] for guard in built if guard.name == "variety"] == [0.6]
