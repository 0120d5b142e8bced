"""Whole runs of the page graph on scripted models: what is kept, retried, dropped, and when rules take over."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from langgraph.store.memory import InMemoryStore
from support.fakes import DEFAULTS
from support.scripted_chat import ScriptedChat
from support.small_shop import WordScorer, small_services

from graph.page import build_page_graph
from state.errors import AnswerRejected, EngineError, EngineUnavailable, ModelsMissing, SettingsError
from state.options import PageOptions
from state.placement import Page
from state.settings import Settings
from tools.page_store import PageStore

FREE = Settings(page=PageOptions(themes=2, judge_share=0, design_mode="free"))
FRUIT = {
    "title": "Fruit bowl favorites",
    "need": "replenish",
    "rationale": "Buys banana often.",
    "concepts": ["banana", "apple", "strawberries", "lemon"],
}
YOGURT = {
    "title": "Yogurt for the week",
    "need": "explore",
    "rationale": "Buys yogurt often.",
    "concepts": ["greek yogurt", "vanilla yogurt", "berry yogurt"],
}
BREAD = {
    "title": "Bread box refill",
    "need": "replenish",
    "rationale": "Buys bread often.",
    "concepts": ["wheat bread", "rye bread", "sourdough bread"],
}
WORDS = {
    "Fruit bowl favorites": ["banana", "gala apple", "strawberries", "lemon"],
    "Yogurt for the week": ["greek yogurt", "vanilla yogurt", "berry yogurt", "yogurt tubes"],
    "Bread box refill": ["whole wheat bread", "sourdough bread", "rye bread", "raisin bread"],
}


def design(*themes: dict[str, Any]) -> dict[str, Any]:
    return {"persona": "Home cook", "themes": list(themes)}


def chosen(*keywords: str) -> dict[str, Any]:
    return {"keywords": list(keywords), "categories": [], "filters": []}


def write_well(messages: Any, schema: Any) -> dict[str, Any]:
    title = next(title for title in WORDS if title in messages[-1]["content"])
    return chosen(*WORDS[title])


async def run(chat: ScriptedChat, shopper: str = "7", terms: Any = None, scorer: Any = None, **options: Any) -> Page:
    services = small_services(chat, FREE, terms=terms)
    if scorer is not None:
        services = replace(services, scorer=scorer)
    guards = {**DEFAULTS, **options.pop("guards", {})}
    graph = build_page_graph(lambda: services)
    result = await graph.ainvoke({"shopper_id": shopper}, context=PageOptions(guards=guards, **options))
    return result["page"]


async def test_good_answers_become_a_page_with_a_verdict_of_every_guard_on_every_placement() -> None:
    chat = ScriptedChat(designer=[design(FRUIT, YOGURT)], keyword_writer=write_well)
    page = await run(chat)
    assert [p.title for p in page.placements] == [FRUIT["title"], YOGURT["title"]]
    assert not page.fallback
    assert page.dropped == []
    for placement in page.placements:
        assert [v.guard for v in placement.verdicts] == ["policy", "taxonomy", "relevance", "duplicates", "judge"]
        assert len(placement.products) >= 3
    assert page.usage["design_page"].calls == 1
    assert page.usage["write_keywords"].calls == 2


async def test_the_writer_is_sent_the_vocabulary_and_may_answer_nothing_else() -> None:
    chat = ScriptedChat(designer=[design(FRUIT, YOGURT)], keyword_writer=write_well)
    await run(chat)
    asked = [call for call in chat.asked if call.role == "keyword_writer"]
    for call in asked:
        allowed = call.schema.model_json_schema()["properties"]["keywords"]["items"]["enum"]
        assert "greek yogurt" in allowed
        with pytest.raises(ValueError, match="literal"):
            call.schema.model_validate(chosen("caviar"))
        call.schema.model_validate(chosen())


async def test_a_writer_is_shown_so_many_terms_as_the_options_say_and_more_at_a_new_attempt() -> None:
    def writer(messages: Any, schema: Any) -> dict[str, Any]:
        again = "The last choice was refused" in messages[-1]["content"]
        return write_well(messages, schema) if again else chosen()

    def offered(schema: Any) -> list[str]:
        return schema.model_json_schema()["properties"]["keywords"]["items"]["enum"]

    chat = ScriptedChat(designer=[design(FRUIT, YOGURT)], keyword_writer=writer)
    page = await run(chat, keywords_shown=4)
    asked = [call for call in chat.asked if call.role == "keyword_writer"]
    shown = [len(offered(call.schema)) for call in asked if "Yogurt for the week" in call.messages[-1]["content"]]
    assert shown == [4, 8]
    assert all("caviar" not in offered(call.schema) for call in asked)
    yogurt = next(placement for placement in page.placements if placement.title == "Yogurt for the week")
    assert yogurt.candidate_count > 8
    assert [v.outcome.value for v in yogurt.verdicts if v.guard == "taxonomy"] == ["fail", "pass"]


async def test_a_refused_choice_is_tried_again_with_the_reasons_and_may_pass() -> None:
    answers = {"first": True}

    def writer(messages: Any, schema: Any) -> dict[str, Any]:
        if "Yogurt for the week" in messages[-1]["content"] and answers.pop("first", False):
            return chosen("green tea", "black tea", "mint tea")
        return write_well(messages, schema)

    chat = ScriptedChat(designer=[design(FRUIT, YOGURT)], keyword_writer=writer)
    page = await run(chat)
    yogurt = page.placements[1]
    assert yogurt.attempts == 2
    assert [v.outcome.value for v in yogurt.verdicts if v.guard == "relevance"] == ["fail", "pass"]
    told = [call.messages[-1]["content"] for call in chat.asked if call.role == "keyword_writer"]
    assert sum("The last choice was refused" in text for text in told) == 1


async def test_a_placement_that_exhausts_its_attempts_is_dropped_with_its_reason() -> None:
    def writer(messages: Any, schema: Any) -> dict[str, Any]:
        if "Bread box refill" in messages[-1]["content"]:
            return chosen("green tea", "black tea", "mint tea")
        return write_well(messages, schema)

    chat = ScriptedChat(designer=[design(FRUIT, YOGURT, BREAD)], keyword_writer=writer)
    page = await run(chat, themes=3, max_attempts=3)
    [dropped] = page.dropped
    assert (dropped.title, dropped.guard, dropped.attempts) == (BREAD["title"], "relevance", 3)
    assert dropped.reasons
    assert Counter(call.role for call in chat.asked)["keyword_writer"] == 5


async def test_choosing_nothing_is_refused_not_published() -> None:
    chat = ScriptedChat(designer=[design(FRUIT, YOGURT)], keyword_writer=lambda messages, schema: chosen())
    page = await run(chat)
    assert page.fallback
    assert {d.guard for d in page.dropped} == {"taxonomy"}


async def test_an_unreadable_judge_is_an_error_verdict_that_follows_on_error() -> None:
    chat = ScriptedChat(
        designer=[design(FRUIT, YOGURT)], keyword_writer=write_well, judge=AnswerRejected("not readable")
    )
    page = await run(chat, judge_share=1.0, guards={"judge": {"on_error": "drop"}})
    assert page.fallback
    for dropped in page.dropped:
        assert dropped.guard == "judge"
        assert dropped.verdicts[-1].outcome.value == "error"


async def test_a_designer_that_is_down_leads_to_a_flagged_fall_back_page_after_retries() -> None:
    chat = ScriptedChat(designer=EngineUnavailable("connection refused"))
    page = await run(chat)
    assert page.fallback
    assert "connection refused" in (page.fallback_reason or "")
    assert len(chat.asked) == 3
    assert page.placements[0].title == "Buy it again"


async def test_a_terminal_engine_error_is_not_tried_again() -> None:
    chat = ScriptedChat(designer=EngineError("401: wrong key"))
    page = await run(chat)
    assert page.fallback
    assert len(chat.asked) == 1


async def test_a_writer_that_is_down_drops_every_placement_and_falls_back() -> None:
    chat = ScriptedChat(designer=[design(FRUIT, YOGURT)], keyword_writer=EngineUnavailable("overloaded"))
    page = await run(chat)
    assert page.fallback
    assert [d.guard for d in page.dropped] == ["write_keywords", "write_keywords"]
    assert all("overloaded" in d.reasons[0] for d in page.dropped)


async def test_missing_weights_surface_as_an_error_not_as_a_fall_back_page() -> None:
    chat = ScriptedChat(designer=ModelsMissing("run: shelfwise models fetch"))
    with pytest.raises(ModelsMissing, match="models fetch"):
        await run(chat)


async def test_an_empty_corpus_ends_in_a_fall_back_page_without_asking_the_writer() -> None:
    chat = ScriptedChat(designer=[design(FRUIT, YOGURT)], keyword_writer=write_well)
    page = await run(chat, terms=[])
    assert page.fallback
    assert all("corpus" in d.reasons[0] for d in page.dropped)
    assert {call.role for call in chat.asked} == {"designer"}


async def test_a_cold_shopper_gets_a_page_marked_cold_and_nothing_marked_as_bought() -> None:
    chat = ScriptedChat(designer=[design(FRUIT, YOGURT)], keyword_writer=write_well)
    page = await run(chat, shopper="nobody")
    assert page.cold
    assert not page.fallback
    assert not any(product.bought_before for p in page.placements for product in p.products)
    assert "New shopper" in chat.asked[0].messages[-1]["content"]


async def test_the_fall_back_page_of_a_cold_shopper_never_shows_alcohol() -> None:
    page = await run(ScriptedChat(designer=EngineError("down")), shopper="nobody")
    assert page.placements
    assert not [p for row in page.placements for p in row.products if p.department == "alcohol"]


async def test_duplicate_themes_leave_the_first_one() -> None:
    again = {**FRUIT, "title": "Fruit bowl favorites again"}
    chat = ScriptedChat(
        designer=[design(FRUIT, YOGURT, again)],
        keyword_writer=write_well,
    )
    page = await run(chat, themes=3)
    assert [p.title for p in page.placements] == [FRUIT["title"], YOGURT["title"]]
    assert [d.guard for d in page.dropped] == ["duplicates"]


async def test_page_and_calls_are_stored_under_their_versions() -> None:
    chat = ScriptedChat(designer=[design(FRUIT, YOGURT)], keyword_writer=write_well)
    services = small_services(chat, FREE)
    store = InMemoryStore()
    graph = build_page_graph(lambda: services, store=store)
    options = PageOptions(guards=DEFAULTS)
    made = (await graph.ainvoke({"shopper_id": "7"}, context=options))["page"]
    pages = PageStore(store)
    assert await pages.get("7") == made
    assert await pages.get("7", made.versions) == made
    assert await pages.get("7", made.versions.model_copy(update={"corpus": "other"})) is None
    assert [call.role for call in await pages.calls(made)] == ["designer", "keyword_writer", "keyword_writer"]


@pytest.mark.parametrize("shopper_id", ["", "   ", "x" * 129])
async def test_a_shopper_id_that_is_none_is_refused_clearly(shopper_id: str) -> None:
    with pytest.raises(ValueError, match="1 to 128 characters"):
        await run(ScriptedChat(), shopper=shopper_id)


async def test_scores_under_the_threshold_prune_products_and_name_score_and_threshold() -> None:
    chat = ScriptedChat(designer=[design(FRUIT, YOGURT)], keyword_writer=write_well)
    page = await run(chat, scorer=WordScorer(miss=0.2))
    verdict = next(v for v in page.placements[0].verdicts if v.guard == "relevance")
    assert verdict.threshold == 0.5
    assert verdict.score is not None


@pytest.mark.parametrize("guards", [{"no_such_guard": {}}, {"relevance": {"no_such_key": 1}}])
async def test_wrong_guard_settings_are_refused_before_any_model_is_asked(guards: dict[str, Any]) -> None:
    chat = ScriptedChat()
    with pytest.raises(SettingsError):
        await run(chat, guards=guards)
    assert chat.asked == []


async def test_a_judge_that_is_overloaded_for_a_moment_is_asked_again() -> None:
    busy = [EngineUnavailable("overloaded")]

    def judge(messages: Any, schema: Any) -> Any:
        if busy:
            return busy.pop()
        return {question: {"reason": "it does", "answer": "yes"} for question in schema.model_fields}

    chat = ScriptedChat(designer=[design(FRUIT, YOGURT)], keyword_writer=write_well, judge=judge)
    page = await run(chat, judge_share=1.0)
    assert not page.fallback
    assert all(v.outcome.value == "pass" for p in page.placements for v in p.verdicts if v.guard == "judge")


async def test_a_grounded_design_runs_without_a_free_word_from_the_model() -> None:
    def options(schema: Any, field: str) -> list[str]:
        items = schema.model_json_schema()["properties"][field]["items"]
        return items["enum"] if "enum" in items else [items["const"]]

    def themes(messages: Any, schema: Any) -> dict[str, Any]:
        concepts = options(schema, "concepts")[:3]
        return {
            "bought": options(schema, "bought")[:1],
            "concepts": concepts,
            "title": f"{concepts[0]} and more",
        }

    def writer(messages: Any, schema: Any) -> dict[str, Any]:
        return chosen(*options(schema, "keywords")[:5])

    page = await run(ScriptedChat(designer=themes, keyword_writer=writer), design_mode="grounded", themes=3)
    assert not page.fallback
    assert page.usage["design_page"].calls == 3
    assert all("orders" in placement.rationale for placement in page.placements)


async def test_of_more_ideas_than_are_shown_the_least_alike_become_placements() -> None:
    ideas = [{key: theme[key] for key in ("title", "need", "concepts")} for theme in (FRUIT, FRUIT, YOGURT)]
    chat = ScriptedChat(designer=[design(*ideas)], keyword_writer=write_well)
    page = await run(chat, design_mode="ideas", themes=2, spare_themes=1)
    assert [placement.title for placement in page.placements] == [FRUIT["title"], YOGURT["title"]]
    assert page.dropped == []


async def test_what_the_shopper_bought_stands_before_what_is_found_as_well() -> None:
    chat = ScriptedChat(designer=[design(FRUIT, YOGURT)], keyword_writer=write_well)
    page = await run(chat)
    for placement in page.placements:
        bought = [product.bought_before for product in placement.products]
        assert any(bought)
        assert bought == sorted(bought, reverse=True)


async def test_a_placement_is_cut_so_that_a_keyword_of_one_product_is_still_shown() -> None:
    bowl = {**YOGURT, "title": "Yogurt with a banana", "concepts": ["greek yogurt", "berry yogurt", "banana"]}
    chat = ScriptedChat(
        designer=[design(bowl, FRUIT)],
        keyword_writer=lambda messages, schema: (
            chosen("yogurt tubes", "banana")
            if bowl["title"] in messages[-1]["content"]
            else write_well(messages, schema)
        ),
    )
    page = await run(chat, products_per_placement=3)
    assert len(page.placements[0].products) == 3
    assert "Banana" in [product.name for product in page.placements[0].products[:2]]
