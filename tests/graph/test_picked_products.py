"""What a shopper picked on earlier pages comes with the context of the next one, and into what themes are stated by."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from langgraph.runtime import Runtime
from langgraph.store.memory import InMemoryStore
from support.scripted_chat import ScriptedChat
from support.small_shop import WordEmbedder, small_services

from graph.nodes.design import load_shopper_node
from state.options import PageOptions
from state.shopper import ShopperContext
from tools.engagement import FEEDBACK
from tools.evidence import theme_evidence

NOW = datetime.now(UTC).isoformat()


def events(*picked: tuple[str, str]) -> dict[str, Any]:
    return {"at": NOW, "events": [[kind, "7-0", None, product_id, NOW] for kind, product_id in picked]}


async def load(store: Any, **options: Any) -> ShopperContext:
    services = small_services(ScriptedChat())
    runtime = Runtime(context=PageOptions(**options), store=store, stream_writer=lambda event: None)
    update = await load_shopper_node([], lambda: services)({"shopper_id": "7"}, runtime)
    return ShopperContext.model_validate(update["shopper"])


@pytest.fixture
async def store() -> InMemoryStore:
    store = InMemoryStore()
    batch = events(("click", "12"), ("add_to_cart", "10"), ("impression", "11"), ("click", "gone"))
    await store.aput((FEEDBACK, "7"), "batch", batch)
    await store.aput((FEEDBACK, "77"), "batch", events(("click", "1")))
    return store


async def test_the_context_names_what_was_picked_the_most_used_first(store: InMemoryStore) -> None:
    assert (await load(store)).picked == ["Tortilla Chips", "Kettle Chips"]


async def test_a_context_that_holds_the_last_order_out_knows_no_picks(store: InMemoryStore) -> None:
    assert (await load(store, hold_out_last=True)).picked == []


async def test_a_store_that_fails_costs_the_picks_and_not_the_page() -> None:
    class Down(InMemoryStore):
        async def abatch(self, ops: Any) -> Any:
            raise ConnectionError

    assert (await load(Down())).picked == []
    assert (await load(None)).picked == []


def test_a_theme_stands_beside_what_was_picked_but_nothing_picked_counts_as_bought() -> None:
    shopper = ShopperContext(shopper_id="7", order_count=3, picked=["Kettle Chips"])
    [evidence] = theme_evidence(WordEmbedder(), shopper, [["kettle chips", "salsa dip"]])
    assert (evidence.bought, evidence.beside) == ({}, "Kettle Chips")
