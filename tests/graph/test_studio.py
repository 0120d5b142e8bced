"""The graphs over the LangGraph server, used as Studio uses it: schemas, drawing, runs, edits of past states."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from langgraph_sdk import get_client
from langgraph_sdk.client import LangGraphClient
from support.studio import studio

from catalog.warehouse import Warehouse
from state.intent import QueryIntent
from state.placement import Page
from state.settings import load_settings

pytestmark = [pytest.mark.service, pytest.mark.model]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    log = tmp_path_factory.mktemp("studio") / "server.log"
    with studio(log) as url:
        yield url, log


@pytest.fixture
async def client(server: tuple[str, Path]) -> AsyncIterator[LangGraphClient]:
    async with get_client(url=server[0]) as client:
        yield client


@pytest.fixture(scope="module")
def shopper() -> str:
    return Warehouse.open(load_settings()).shopper_ids()[0]


async def assistant(client: LangGraphClient) -> str:
    return (await client.assistants.search(graph_id="page"))[0]["assistant_id"]


async def test_schemas_show_the_input_the_output_and_the_knobs(client: LangGraphClient) -> None:
    schemas = await client.assistants.get_schemas(await assistant(client))
    assert set(schemas["input_schema"]["properties"]) == {"shopper_id"}
    assert set(schemas["output_schema"]["properties"]) == {"page"}
    assert {"themes", "candidates", "judge_share", "guards"} <= set(schemas["context_schema"]["properties"])


async def test_the_drawing_has_every_guard_as_a_node(client: LangGraphClient) -> None:
    drawing = await client.assistants.get_graph(await assistant(client), xray=True)
    nodes = {node["id"] for node in drawing["nodes"]}
    assert {"load_shopper", "design_page", "guard_duplicates", "guard_judge", "settle", "publish"} <= nodes
    assert {"build_placement:guard_policy", "build_placement:guard_relevance"} <= nodes


async def test_a_run_with_wait_returns_a_page_of_catalogue_products(client: LangGraphClient, shopper: str) -> None:
    result = await client.runs.wait(None, "page", input={"shopper_id": shopper}, context={"themes": 2})
    page = Page.model_validate(result["page"])
    shown = [product.id for placement in page.placements for product in placement.products]
    assert shown
    assert Warehouse.open(load_settings()).existing_ids(shown) == set(shown)


async def test_a_streamed_run_reports_progress_and_ends_with_the_page(client: LangGraphClient, shopper: str) -> None:
    events: list[str] = []
    page: Page | None = None
    async for part in client.runs.stream(
        None,
        "page",
        input={"shopper_id": shopper},
        context={"themes": 2},
        stream_mode=["custom", "values"],
        stream_subgraphs=True,
    ):
        if part.event.startswith("custom"):
            events.append(part.data["event"])
        elif part.event == "values" and "page" in part.data:
            page = Page.model_validate(part.data["page"])
    assert page is not None
    assert events[0] == "shopper_loaded"
    assert events[-1] == "published"
    assert "verdict" in events


async def test_an_edited_past_state_runs_on_from_there(client: LangGraphClient, shopper: str) -> None:
    thread = (await client.threads.create())["thread_id"]
    await client.runs.wait(thread, "page", input={"shopper_id": shopper}, context={"themes": 2})
    history = await client.threads.get_history(thread, limit=50)
    before = next(state for state in history if state["next"] == ["design_page"])
    edited = await client.threads.update_state(
        thread,
        {"shopper": {**before["values"]["shopper"], "cold": True}},
        as_node="load_shopper",
        checkpoint=before["checkpoint"],
    )
    result = await client.runs.wait(thread, "page", input=None, checkpoint=edited["checkpoint"], context={"themes": 2})
    page = Page.model_validate(result["page"])
    assert page.cold
    assert not any(product.bought_before for row in page.placements for product in row.products)


async def test_a_query_is_understood_over_the_api(client: LangGraphClient) -> None:
    found = (await client.assistants.search(graph_id="intent"))[0]["assistant_id"]
    schemas = await client.assistants.get_schemas(found)
    assert set(schemas["input_schema"]["properties"]) == {"query", "session"}
    assert set(schemas["context_schema"]["properties"]) == {"rewrites", "use_cache"}
    asked = {"query": "Organc vanilla yogurt", "session": ["granola"]}
    result = await client.runs.wait(None, "intent", input=asked, context={"rewrites": "always", "use_cache": False})
    intent = QueryIntent.model_validate(result["intent"])
    assert intent.corrected == "organic vanilla yogurt"
    assert all(f" {text} " in f" {intent.corrected} " for _, text in intent.spans())
    paths = {category.path for category in Warehouse.open(load_settings()).categories()}
    assert set(intent.categories) <= paths
    assert intent.categories


async def test_the_http_api_answers_on_the_same_port(server: tuple[str, Path], shopper: str) -> None:
    async with httpx.AsyncClient(base_url=server[0], timeout=60) as http:
        assert (await http.get("/health/live")).json() == {"status": "live"}
        page = (await http.get(f"/v1/pages/{shopper}")).json()
        assert page["shopper_id"] == shopper
        assert page["placements"]
        assert (await http.get("/")).headers["content-type"].startswith("text/html")
        # Errors of each API keep their own shape.
        assert (await http.get("/v1/nothing")).headers["content-type"] == "application/problem+json"
        unknown = await http.get("/threads/00000000-0000-0000-0000-000000000000")
        assert unknown.headers["content-type"] == "application/json"


async def test_the_server_said_nothing_of_blocking_calls_or_errors(server: tuple[str, Path]) -> None:
    log = server[1].read_text()
    assert "BlockingError" not in log
    assert "Traceback" not in log
