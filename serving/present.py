"""The versions in force now, found without loading a model: what a stored page is compared with."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from agents.prompting import prompts_version
from catalog.publishing import read_current
from engines.versions import models_version
from graph.guards import build_guards, discover_guards, guards_version
from state.errors import CatalogError, CorpusMissing, ModelsError, ShelfwiseError
from state.guard import Guard
from state.settings import Settings
from tools.keyword_store import read_record
from tools.pair_scorer import scorer_name

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Present:
    """``versions`` by the field names of ``Versions``; one that cannot be told is left out and not compared.

    ``guards`` are those that judge stored pages again. ``error`` says why the guards folder cannot be used: then no
    page can be vouched for.
    """

    versions: Mapping[str, str] = field(default_factory=dict)
    guards: tuple[Guard, ...] = ()
    error: str | None = None

    @property
    def judged_under(self) -> tuple[str | None, ...]:
        """What a verdict on a stored page depends on, besides the page."""
        return tuple(self.versions.get(name) for name in JUDGED_BY)


JUDGED_BY = ("guards", "catalog", "taxonomy")


def present_versions(settings: Settings) -> Present:
    """Read the versions in force from the files that the settings name. Never raises for what they hold."""
    versions = {
        "prompts": prompts_version(),
        "settings": settings.page.version,
    }
    try:
        versions["models"] = models_version(settings, scorer_name(settings))
    except ModelsError as error:
        log.debug("not compared: %s", error)
    try:
        record = read_current(settings.catalog_dir)
        versions |= {"catalog": record.version, "taxonomy": record.taxonomy_version}
        versions["corpus"] = read_record(settings.corpus_dir).version
    except (CatalogError, CorpusMissing) as error:
        log.debug("not compared: %s", error)
    try:
        classes = discover_guards(settings.guards_dir)
        guards = build_guards(classes, settings.guards, settings.page.guards)
        versions["guards"] = guards_version(classes, settings.guards, settings.page.guards)
    except (ShelfwiseError, OSError) as error:
        return Present(versions, error=str(error))
    judging = (g for g in guards if g.level == "placement" and (g.judges_stored or g.rules_only))
    return Present(versions, tuple(judging))


class PresentVersions:
    """Knows the versions in force, at most ``interval_s`` seconds old."""

    def __init__(
        self,
        settings: Settings,
        *,
        look: Callable[[Settings], Present] = present_versions,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._interval_s = settings.store.check_interval_s
        self._look = look
        self._ticks = ticks
        self._known: Present | None = None
        self._looked = float("-inf")
        self._turn = asyncio.Lock()

    async def now(self) -> Present:
        """Return the versions in force. Whoever asks first after the interval looks, in a thread; others wait."""
        if self._known is not None and self._ticks() - self._looked < self._interval_s:
            return self._known
        async with self._turn:
            if self._known is None or self._ticks() - self._looked >= self._interval_s:
                asked = self._ticks()
                known = await asyncio.to_thread(self._look, self._settings)
                if known.error and (self._known is None or known.error != self._known.error):
                    log.error("no stored page is shown until the guards can be loaded: %s", known.error)
                self._known, self._looked = known, asked
            return self._known
