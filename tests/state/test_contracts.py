"""The contracts that values keep among themselves."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from state.answers import design_schema, keyword_schema
from state.options import PageOptions
from state.page import merge_placements
from state.placement import Need, Placement, Status
from state.settings import RoleSettings, Settings
from state.usage import CallUsage, usage_by_phase
from state.verdict import Verdict


def placement(number: int, **changes: object) -> Placement:
    base = Placement(
        id=f"7-{number}", position=number, title="Fruit", need=Need.EXPLORE, rationale="", concepts=["apple"]
    )
    return base.model_copy(update=changes)


def test_a_pass_that_changes_something_is_refused() -> None:
    with pytest.raises(ValidationError, match="keeps the placement"):
        Verdict(guard="g", placement_id="1", outcome="pass", action="drop")


@pytest.mark.parametrize("outcome", ["fail", "error"])
def test_a_verdict_that_is_no_pass_needs_a_reason(outcome: str) -> None:
    with pytest.raises(ValidationError, match="at least one reason"):
        Verdict(guard="g", placement_id="1", outcome=outcome, action="drop")


def test_pruning_names_the_products() -> None:
    with pytest.raises(ValidationError, match="names the products"):
        Verdict(guard="g", placement_id="1", outcome="fail", action="prune", reasons=("thin",))


def test_merging_replaces_by_id_and_keeps_page_order() -> None:
    merged = merge_placements([placement(1), placement(0)], [placement(1, status=Status.KEPT)])
    assert [(p.id, p.status) for p in merged] == [("7-0", Status.DRAFT), ("7-1", Status.KEPT)]


def test_merging_takes_plain_dicts_as_an_edited_checkpoint_has_them() -> None:
    edited = placement(0, title="Edited").model_dump(mode="json")
    assert merge_placements([placement(0)], [edited])[0].title == "Edited"  # type: ignore[list-item]


def test_keyword_schema_takes_only_what_was_retrieved_and_always_nothing() -> None:
    schema = keyword_schema(["greek yogurt", "kefir"], ["yogurt"], [])
    empty = schema.model_validate({"keywords": [], "categories": [], "filters": []})
    assert empty.keywords == []
    schema.model_validate({"keywords": ["kefir"], "categories": ["yogurt"], "filters": []})
    for wrong in ({"keywords": ["caviar"]}, {"categories": ["caviar"]}, {"filters": ["organic"]}, {"more": ["x"]}):
        with pytest.raises(ValidationError):
            schema.model_validate({"keywords": [], "categories": [], "filters": [], **wrong})


def test_design_schema_wants_exactly_the_number_of_themes_asked_for() -> None:
    theme = {"title": "Fruit bowl", "need": "explore", "rationale": "x", "concepts": ["apple", "pear", "fig"]}
    design_schema(2).model_validate({"persona": "Home cook", "themes": [theme, theme]})
    with pytest.raises(ValidationError):
        design_schema(2).model_validate({"persona": "Home cook", "themes": [theme]})


def test_options_given_explicitly_win_and_the_others_come_from_the_settings() -> None:
    base = PageOptions(themes=4, judge_share=0.5, guards={"relevance": {"threshold": 0.3, "enabled": True}})
    laid = PageOptions(themes=3, guards={"relevance": {"threshold": 0.7}}).over(base)
    assert (laid.themes, laid.judge_share) == (3, 0.5)
    assert laid.guards == {"relevance": {"threshold": 0.7, "enabled": True}}


def test_an_endpoint_role_without_an_address_is_refused() -> None:
    with pytest.raises(ValidationError, match="base_url"):
        Settings(roles={"judge": {"engine": "openai", "model": "m"}})  # type: ignore[dict-item]


def test_an_environment_variable_overrides_one_field_of_a_role(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELFWISE_ROLES__JUDGE__MAX_TOKENS", "77")
    roles = Settings().roles
    assert roles["judge"].max_tokens == 77
    assert roles["designer"].max_tokens != 77


def test_usage_is_summed_by_phase() -> None:
    calls = [CallUsage(phase="a", role="r", model="m", tokens_in=2, tokens_out=1, seconds=0.5)] * 2
    total = usage_by_phase([*calls, CallUsage(phase="b", role="r", model="m", calls=2)])
    assert (total["a"].calls, total["a"].tokens_in, total["a"].tokens_out, total["a"].seconds) == (2, 4, 2, 1.0)
    assert total["b"].calls == 2


def test_a_role_at_an_endpoint_leaves_the_adapter_of_the_embedded_engine_behind() -> None:
    role = RoleSettings(engine="openai", base_url="http://localhost:8000/v1", model="m", adapter="student")
    assert role.adapter is None
    assert RoleSettings(adapter="student").adapter == "student"
