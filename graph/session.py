"""What one run of a node works with: the services, the options in force and the progress stream."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langgraph.runtime import Runtime

from agents.recording import RecordingChat
from graph.services import ServiceProvider, Services
from state.guard import GuardContext
from state.options import PageOptions
from state.placement import Placement
from state.shopper import ShopperContext

Emit = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class Session:
    """Services, the options of this run over the settings' own, and ``emit`` for progress events."""

    services: Services
    options: PageOptions
    emit: Emit

    @property
    def guard_overrides(self) -> Mapping[str, Mapping[str, Any]]:
        return self.options.guards

    def guard_context(
        self,
        shopper: ShopperContext,
        placements: Sequence[Placement],
        candidates: Mapping[str, Sequence[str]],
        chat: RecordingChat,
    ) -> GuardContext:
        """Return what guards may use to judge ``placements``."""
        return GuardContext(
            shopper=shopper,
            embedder=self.services.embedder,
            scorer=self.services.scorer,
            chat=chat,
            catalog=self.services.catalog,
            page=tuple(placements),
            candidates={key: frozenset(texts) for key, texts in candidates.items()},
            min_products=self.options.min_products,
            judge_share=self.options.judge_share,
        )


async def open_session(provider: ServiceProvider, runtime: Runtime[PageOptions]) -> Session:
    """Return the session of a node run. Opening the services reads files: it happens in a thread."""
    services = await asyncio.to_thread(provider)
    options = services.settings.page
    if runtime.context is not None:
        options = PageOptions.model_validate(runtime.context).over(options)
    return Session(services=services, options=options, emit=runtime.stream_writer)
