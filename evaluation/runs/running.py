"""One run from configurations to report: pages made, judged, measured, compared and held to the floor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from agents.judge_calibration import answering_model, read_calibration
from evaluation.runs.comparing import compare_arms
from evaluation.runs.configuration import Configuration, differences
from evaluation.runs.evidence import HeldOutPast, ShopPast
from evaluation.runs.floor import Floor, hold
from evaluation.runs.judge_figures import trusts_of
from evaluation.runs.judging import judge_pages, judged_shoppers
from evaluation.runs.making import SIDE_BY_SIDE, Made, PageFile, make_pages
from evaluation.runs.measuring import Judgement, Yardstick, measure_arm
from evaluation.runs.metrics import DECIDING
from evaluation.runs.policy import policy_violations
from evaluation.runs.report import Arm, Report
from graph.guards import discover_guards, guards_version
from graph.services import Services, open_services
from state.errors import StoreError
from state.guard import Chat
from state.settings import Settings

Progress = Callable[[str, int], AbstractContextManager[Callable[[int], object]]]
"""Shows work of so many steps under a label; yields what to call with the number of steps done."""
Tell = Callable[[str], object]
"""Takes a line for whoever watches the run."""


_OWN = frozenset({"roles", "page", "guards", "guards_dir", "exact"})
"""Settings that services read at every page, or that only their chat holds; all others are in what is opened."""


@dataclass(frozen=True)
class Plan:
    """What to run. ``judge``: the configuration whose judge role judges both arms; ``again`` makes the pages of the
    second configuration anew even where they are those of the first, which shows the noise between two runs."""

    folder: Path
    shoppers: Sequence[str]
    drawn: str
    configurations: Sequence[Configuration]
    judge: Configuration
    judge_share: float = 1.0
    deciding: Sequence[str] = DECIDING
    floor: tuple[Floor, Path] | None = None
    at_a_time: int = SIDE_BY_SIDE
    seed: int = 0
    again: bool = False


@dataclass(frozen=True)
class Seams:
    """How a run reaches models and data."""

    services: Callable[[Settings], Services]
    past: Callable[[Settings], ShopPast]
    chat: Callable[[Settings], Chat]


@dataclass(frozen=True)
class Watched:
    """Where a run shows how far it is, and what went wrong on the way."""

    progress: Progress
    tell: Tell


def real_seams() -> Seams:
    """Return the seams to the catalogue, indexes and models that settings name."""
    from engines.chat import ChatClient

    return Seams(open_services, HeldOutPast.open, ChatClient)


async def evaluate(plan: Plan, base: Settings, seams: Seams, watched: Watched) -> Report:
    """Return the report of ``plan``; whatever cost a model call is kept in its folder and not done again.

    ``base``, the settings in force, measure both arms: their catalogue, embedder and scorer.

    Raises:
        ShelfwiseError: what the run needs is not there, the engine of a configuration or the judge does not answer,
            or a file of the folder holds something else.
    """
    _prepare(plan.folder)
    shared = seams.services(base)
    yardstick = Yardstick(seams.past(base), shared.embedder, shared.scorer, plan.seed)
    arms: list[Arm] = []
    for place, configuration in enumerate(plan.configurations):
        services = _services(configuration.settings, base, shared, seams)
        arms.append(await _arm(plan, place, configuration, services, yardstick, seams, watched))
    compared = len(arms) == 2
    return Report(
        made_at=datetime.now(UTC),
        shoppers=list(plan.shoppers),
        drawn=plan.drawn,
        seed=plan.seed,
        arms=arms,
        settings_differences=differences(*plan.configurations) if compared else [],
        differences=compare_arms(arms[0], arms[1], plan.deciding, seed=plan.seed) if compared else [],
        floor=hold(arms[-1], *plan.floor) if plan.floor else None,
    )


async def _arm(
    plan: Plan,
    place: int,
    configuration: Configuration,
    services: Services,
    yardstick: Yardstick,
    seams: Seams,
    watched: Watched,
) -> Arm:
    digest = configuration.digest(_versions(configuration, services))
    key = f"{digest}-again" if plan.again and place else digest
    name = f"{'AB'[place]} {configuration.name}"
    with watched.progress(f"pages of {name}", len(plan.shoppers)) as advance:
        made = await make_pages(
            configuration,
            services,
            plan.shoppers,
            PageFile(plan.folder / f"pages-{key}.jsonl"),
            at_a_time=plan.at_a_time,
            on_done=lambda: advance(1),
            on_failed=lambda shopper, why: watched.tell(f"{name}: no page of shopper {shopper}: {why}"),
        )
    judgement = await _judge(plan, name, made, plan.folder / f"judge-{key}.jsonl", services, seams, watched)
    pages = list(made.pages.values())
    violations = await policy_violations(pages, services, configuration.settings.guards_dir)
    pairs = sum(len(row.products) for page in pages for row in page.placements)
    with watched.progress(f"products of {name}", pairs) as advance:
        return measure_arm(configuration, key, made, yardstick, violations, judgement, on_scored=advance)


async def _judge(
    plan: Plan, name: str, made: Made, path: Path, services: Services, seams: Seams, watched: Watched
) -> Judgement:
    settings = plan.judge.settings
    role = settings.roles["judge"]
    model = answering_model(role)
    trusts = trusts_of(read_calibration(settings.guards_dir), model)
    chosen = judged_shoppers(plan.shoppers, plan.judge_share)
    pages = [made.pages[shopper] for shopper in chosen if shopper in made.pages]
    if not pages:
        return Judgement(model, {}, trusts, plan.judge_share)
    with watched.progress(f"judge on {name}", len(pages)) as advance:
        judged = await judge_pages(
            pages,
            seams.chat(settings),
            role,
            services.shoppers,
            path,
            min_products=settings.page.min_products,
            on_done=lambda: advance(1),
        )
    return Judgement(model, judged, trusts, plan.judge_share)


def _services(settings: Settings, base: Settings, shared: Services, seams: Seams) -> Services:
    """Return the services of a configuration; indexes and encoders that it has in common are opened once."""
    shares = [name for name in Settings.model_fields if name not in _OWN]
    if all(getattr(settings, name) == getattr(base, name) for name in shares):
        return replace(shared, settings=settings, chat=seams.chat(settings))
    return seams.services(settings)


def _versions(configuration: Configuration, services: Services) -> dict[str, str]:
    settings = configuration.settings
    guards = guards_version(discover_guards(settings.guards_dir), settings.guards, settings.page.guards)
    return {**services.versions(), "guards": guards}


def _prepare(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"cannot use {folder} for output: {error}. Name another folder.") from error
