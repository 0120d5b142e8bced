"""The whole app on a port, over the small shop: the real page graph on scripted models, real cache, routes and hub."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn
from pydantic import BaseModel
from support.fakes import DEFAULTS
from support.http_app import SmallWarehouse, small_page
from support.queries import small_understand
from support.scripted_chat import ScriptedChat
from support.servers import free_port
from support.small_shop import SmallShoppers, WordSearch, small_services

from ranking.opening import Ranking
from ranking.rules import PopularityRanker
from ranking.statistics import read_statistics
from serving.http.app import create_app
from serving.http.shop import Shop
from serving.http.site import Parts
from serving.pages import PageRunner
from serving.present import Present
from state.llm import Message
from state.options import PageOptions
from state.placement import DroppedPlacement, Need, Page
from state.settings import Settings
from state.verdict import Verdict
from tools.page_backends import memory_backend

THEMES = {
    "Fruit bowl favorites": ["banana", "gala apple", "strawberries", "lemon"],
    "Yogurt for the week": ["greek yogurt", "vanilla yogurt", "berry yogurt", "yogurt tubes"],
    "Tea time": ["whole wheat bread", "rye bread"],
}
"""What the scripted models write. The last theme is dropped: bread does not fit tea."""


PATIENCE_S = 300.0
"""How long the app may take for a step: a slow machine must not fail a test."""


GUARDS = ("policy", "taxonomy", "relevance", "duplicates", "judge")


class HeldChat(ScriptedChat):
    """A scripted chat whose keyword writer answers only while ``go`` is set."""

    def __init__(self) -> None:
        super().__init__(designer=_design, keyword_writer=_write)
        self.go = threading.Event()
        self.go.set()

    async def ask(self, role: str, messages: Sequence[Message], schema: type[Any], *, phase: str) -> Any:
        if role == "keyword_writer":
            await asyncio.to_thread(self.go.wait)
        return await super().ask(role, messages, schema, phase=phase)


def _design(messages: Sequence[Message], schema: type[BaseModel]) -> dict[str, Any]:
    themes = [
        {"title": title, "need": "replenish", "rationale": "Bought in most orders.", "concepts": words}
        for title, words in [*list(THEMES.items())[:2], ("Tea time", ["green tea", "black tea", "mint tea"])]
    ]
    return {"persona": "Home cook", "themes": themes}


def _write(messages: Sequence[Message], schema: type[BaseModel]) -> dict[str, Any]:
    title = next(title for title in THEMES if title in messages[-1]["content"])
    return {"keywords": THEMES[title], "categories": [], "filters": []}


class HubSite:
    """A running app: its address, the models' leash, and a way to put pages into its store."""

    def __init__(self, url: str, app: Any, chat: HeldChat, loop: asyncio.AbstractEventLoop) -> None:
        self.url, self.chat = url, chat
        self._app, self._loop = app, loop

    def store(self, page: Page) -> None:
        self._wait(self._app.state.site.cache.write(page))

    def feedback(self) -> dict[str, int]:
        return dict(self._app.state.site.metrics.feedback)

    def settle(self) -> None:
        """Wait until no page is being made."""
        self._wait(self._app.state.site.runs.wait())

    def _wait(self, work: Any) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE_S)


@contextmanager
def hub_site(home: Path) -> Iterator[HubSite]:
    """Serve the app on a free port from a thread of this process."""
    chat, backend = HeldChat(), memory_backend()
    warehouse = SmallWarehouse()
    settings = Settings(
        home=home,
        page=PageOptions(themes=3, judge_share=0, design_mode="free", max_attempts=1, min_placements=1),
        guards={name: {**DEFAULTS.get(name, {}), "timeout_s": PATIENCE_S} for name in GUARDS},
        http={"requests_per_s": 1000, "burst": 1000, "regenerations_per_minute": 1000},
    )

    def open_shop(settings: Settings) -> Shop:
        return Shop(
            warehouse=warehouse,
            shoppers=SmallShoppers(warehouse),
            ranking=Ranking(warehouse, read_statistics(warehouse), PopularityRanker(), _is_alcohol),
            restricted=_is_alcohol,
            open_search=lambda: WordSearch(warehouse),
        )

    parts = Parts(
        open_shop=open_shop,
        look=lambda settings: Present(),
        backend=backend,
        maker=lambda settings: PageRunner(settings, lambda: small_services(chat, settings), backend.store),
        understand=lambda: small_understand,
    )
    app = create_app(settings, parts)
    server = uvicorn.Server(uvicorn.Config(app, port=free_port(), log_level="warning"))
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=_run, args=(loop, server), name="hub site", daemon=True)
    thread.start()
    _until(lambda: server.started)
    try:
        yield HubSite(f"http://127.0.0.1:{server.config.port}", app, chat, loop)
    finally:
        chat.go.set()
        server.should_exit = True
        thread.join(60)


def _run(loop: asyncio.AbstractEventLoop, server: uvicorn.Server) -> None:
    loop.run_until_complete(server.serve())
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()


def _until(done: Any, within_s: float = PATIENCE_S) -> None:
    deadline = time.monotonic() + within_s
    while not done():
        assert time.monotonic() < deadline, "the server did not start"
        time.sleep(0.02)


def _is_alcohol(product: Any) -> bool:
    return bool(product.department == "alcohol")


def judged_page(shopper_id: str = "7") -> Page:
    """Return the small page with a verdict of each kind on its first placement, and one placement dropped."""
    page = small_page(shopper_id)
    first = page.placements[0]

    def verdict(guard: str, **said: Any) -> Verdict:
        return Verdict(guard=guard, placement_id=first.id, **{"outcome": "pass", "action": "keep", **said})

    verdicts = [
        verdict("policy"),
        verdict(
            "relevance",
            score=0.91,
            threshold=0.86,
            outcome="fail",
            action="prune",
            reasons=("no: Tea",),
            pruned=("20",),
        ),
        verdict("judge", reasons=("not sampled (share 0.1)",)),
    ]
    dropped = DroppedPlacement(
        id=f"{shopper_id}-2",
        title="Wine for the party",
        need=Need.OCCASION,
        guard="policy",
        reasons=["restricted-alcohol: never bought any"],
        attempts=2,
    )
    placements = [first.model_copy(update={"verdicts": verdicts}), *page.placements[1:]]
    return page.model_copy(update={"placements": placements, "dropped": [dropped], "seconds": 4.2})
