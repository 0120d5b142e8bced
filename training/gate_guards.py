"""The page graph's own guards, asked about themes: what no page may say, no training text says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, cast

from graph.guards import build_guard, discover_guards, guards_version
from graph.services import ShopperLoader
from state.errors import GuardLoadError
from state.guard import CatalogLookup, Chat, Embedder, Guard, GuardContext, PairScorer
from state.placement import Placement
from state.settings import Settings
from state.verdict import Verdict

NAMES = ("policy", "duplicates")


class PageChecks:
    """Runs the policy and duplicates guards over the themes of one page, with the rules and thresholds of the app."""

    def __init__(self, settings: Settings, shoppers: ShopperLoader, embedder: Embedder) -> None:
        classes = {cls.name: cls for cls in discover_guards(settings.guards_dir)}
        if missing := [name for name in NAMES if name not in classes]:
            raise GuardLoadError(f"{settings.guards_dir} lacks the guard '{missing[0]}', which the quality gate needs.")
        configs = {name: {**settings.guards.get(name, {}), **settings.page.guards.get(name, {})} for name in NAMES}
        self._guards: list[Guard] = [build_guard(classes[name], configs[name]) for name in NAMES]
        self.version = guards_version([classes[name] for name in NAMES], configs)
        self._shoppers = shoppers
        self._embedder = embedder

    def verdicts(self, shopper_id: str, placements: Sequence[Placement]) -> Iterator[tuple[str, Sequence[Verdict]]]:
        """Yield each guard's name with its verdicts; themes have no products, so only what they say is judged."""
        context = GuardContext(
            shopper=self._shoppers.load(shopper_id),
            embedder=self._embedder,
            scorer=cast("PairScorer", _NotAsked()),
            chat=cast("Chat", _NotAsked()),
            catalog=cast("CatalogLookup", _NotAsked()),
            page=tuple(placements),
        )
        for guard in self._guards:
            yield guard.name, cast("Sequence[Verdict]", guard.check(placements, context))


class _NotAsked:
    """Stands where a guard of rules and embeddings has nothing to look up."""

    def __getattr__(self, name: str) -> Any:
        raise GuardLoadError(f"the guards policy and duplicates judge themes without '{name}'; one asked for it.")
