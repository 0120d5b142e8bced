"""What one run of an intent node works with: the services and the options in force."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from langgraph.runtime import Runtime

from graph.query_services import QueryProvider, QueryServices
from state.intent import REWRITE_KINDS, RewriteKind
from state.intent_state import IntentOptions, RewritePolicy


@dataclass(frozen=True)
class QuerySession:
    """Services, and the options of this run."""

    services: QueryServices
    options: IntentOptions

    @property
    def rewrites(self) -> RewritePolicy:
        """The policy of this run, else that of the settings."""
        return self.options.rewrites or self.services.settings.intent.rewrites

    def wanted_kinds(self, query: str) -> list[RewriteKind]:
        """Return the kinds of rewrites to ask for."""
        if self.rewrites == "always":
            return list(REWRITE_KINDS)
        return [] if self.rewrites == "never" else self.services.gate.wanted(query)


async def open_query_session(provider: QueryProvider, runtime: Runtime[IntentOptions]) -> QuerySession:
    """Return the session of a node run. Opening the services reads files: it happens in a thread."""
    services = await asyncio.to_thread(provider)
    options = IntentOptions() if runtime.context is None else IntentOptions.model_validate(runtime.context)
    return QuerySession(services, options)
