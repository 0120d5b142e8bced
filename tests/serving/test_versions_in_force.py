"""The versions that stored pages are compared with are those that pages carry, also while rules change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from langgraph.store.memory import InMemoryStore
from support.cached_pages import copy_of_guards
from support.fakes import DEFAULTS
from support.scripted_chat import ScriptedChat
from support.small_shop import WordEmbedder, small_services

from serving.pages import PageRunner
from serving.present import present_versions
from state.errors import AnswerRejected
from state.options import PageOptions
from state.settings import PAGE_ROLES, RoleSettings, ScorerSettings, Settings
from tools.pair_scorer import load_scorer, scorer_name

GUARD = '''
"""A guard that lets nothing pass."""
from state.guard import Guard, GuardConfig, register_guard
from state.verdict import Action, Outcome


class NothingConfig(GuardConfig):
    on_error: Action = Action.DROP


@register_guard
class NothingGuard(Guard):
    name, level, order, version, rules_only = "nothing", "placement", 90, "1", True
    Config = NothingConfig

    def check(self, placements, context):
        return [self.verdict(p, Outcome.FAIL, Action.DROP, "nothing passes") for p in placements]
'''


def shop(home: Path) -> Settings:
    return Settings(home=home, guards_dir=copy_of_guards(home / "guardrails"), guards=patient_guards())


def patient_guards() -> dict[str, dict[str, Any]]:
    """Return guard settings with time limits that a busy machine keeps."""
    names = ("policy", "taxonomy", "relevance", "duplicates", "judge")
    return {name: {**DEFAULTS.get(name, {}), "timeout_s": 600.0} for name in names}


async def test_a_page_carries_the_versions_that_are_in_force(tmp_path: Path) -> None:
    settings = shop(tmp_path)
    services = small_services(ScriptedChat(designer=AnswerRejected("no")), settings)
    page = await PageRunner(settings, lambda: services, InMemoryStore()).make("7", PageOptions())
    present = present_versions(settings).versions
    for name in ("guards", "prompts", "settings"):
        assert getattr(page.versions, name) == present[name], name


async def test_rules_that_change_while_a_page_is_made_leave_it_with_the_older_version(tmp_path: Path) -> None:
    settings = shop(tmp_path)
    before = present_versions(settings).versions["guards"]

    def design_slowly(messages: Any, schema: Any) -> Any:
        rules = settings.guards_dir / "policy_rules.yaml"
        rules.write_text(rules.read_text(encoding="utf-8") + "\n# noon\n", encoding="utf-8")
        return AnswerRejected("no")

    services = small_services(ScriptedChat(designer=design_slowly), settings)
    page = await PageRunner(settings, lambda: services, InMemoryStore()).make("7", PageOptions())
    assert page.versions.guards == before
    assert present_versions(settings).versions["guards"] != before, "so that it is judged again before it is shown"


async def test_a_guard_added_later_judges_the_next_page(tmp_path: Path) -> None:
    settings = shop(tmp_path)
    services = small_services(ScriptedChat(designer=AnswerRejected("no")), settings)
    runner = PageRunner(settings, lambda: services, InMemoryStore())
    assert (await runner.make("7", PageOptions())).placements
    (settings.guards_dir / "nothing.py").write_text(GUARD, encoding="utf-8")
    page = await runner.make("7", PageOptions())
    assert not page.placements
    assert page.versions.guards == present_versions(settings).versions["guards"]


def test_the_scorer_is_named_without_loading_it_as_it_names_itself() -> None:
    settings = Settings()

    class Named(WordEmbedder):
        name = settings.embedder.model

    assert load_scorer(settings, Named()).name == scorer_name(settings)


def test_guards_that_judge_stored_pages_need_no_model(tmp_path: Path) -> None:
    judging = present_versions(Settings(home=tmp_path)).guards
    assert {guard.name for guard in judging} >= {"policy", "taxonomy"}
    assert not {guard.name for guard in judging} & {"relevance", "judge", "duplicates"}


def test_a_home_with_nothing_in_it_has_versions_of_what_there_is(tmp_path: Path) -> None:
    present = present_versions(Settings(home=tmp_path))
    assert present.error is None
    assert {"guards", "prompts", "models", "settings"} == {*present.versions}


def test_an_adapter_replaced_under_the_same_name_is_another_version(tmp_path: Path) -> None:
    adapter = tmp_path / "tuned.safetensors"
    adapter.write_bytes(b"first")
    settings = Settings(home=tmp_path, roles=dict.fromkeys(PAGE_ROLES, RoleSettings(adapter=str(adapter))))
    before = present_versions(settings).versions
    adapter.write_bytes(b"trained again")
    after = present_versions(settings).versions
    assert before["models"] != after["models"]
    assert {**before, "models": ""} == {**after, "models": ""}


def test_a_relevance_model_that_is_not_there_leaves_the_models_uncompared(tmp_path: Path) -> None:
    scorer = ScorerSettings(path=tmp_path / "nowhere")
    present = present_versions(Settings(home=tmp_path, scorer=scorer))
    assert "models" not in present.versions
    assert "prompts" in present.versions
