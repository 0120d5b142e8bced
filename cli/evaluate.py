"""``shelfwise evaluate``: pages of one or two configurations for the same shoppers, measured, compared, reported."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.console import err, out, progress
from cli.evaluate_report import arms_table, differences_table, judge_table
from state.errors import SettingsError
from state.settings import Settings, load_settings

if TYPE_CHECKING:
    from evaluation.runs.floor import Floor
    from evaluation.runs.report import Report
    from evaluation.runs.running import Seams

app = typer.Typer()

EXIT_SOME, EXIT_FLOOR = 1, 3
DEFAULT_FLOOR = "default"


@app.command()
def evaluate(
    folder: Annotated[Path, typer.Option("--out", help="Folder of pages, answers and reports. A run in it goes on.")],
    config: Annotated[
        list[str] | None,
        typer.Option("--config", help="Configuration NAME[,key=value...]; give it twice to compare (docs)."),
    ] = None,
    shoppers: Annotated[Path | None, typer.Option(help="File with one shopper id a line.")] = None,
    sample: Annotated[
        int | None, typer.Option(min=1, help="This many shoppers of the split; a larger sample holds them.")
    ] = None,
    split: Annotated[str, typer.Option(help="Split that --sample draws from: test, dev, train or all.")] = "test",
    judge: Annotated[str, typer.Option(help="Configuration whose judge judges; default: that in force.")] = "default",
    judge_share: Annotated[float, typer.Option(min=0, max=1, help="Share of shoppers whose pages are judged.")] = 1.0,
    floor: Annotated[str | None, typer.Option(help="Quality floor to hold: a TOML file, or 'default'.")] = None,
    decide: Annotated[list[str] | None, typer.Option(help="Metric that decides the comparison; repeat it.")] = None,
    again: Annotated[bool, typer.Option("--again", help="Make B's pages anew even where they are A's.")] = False,
    concurrency: Annotated[int, typer.Option(min=1, max=64, help="Pages in work at once.")] = 4,
    seed: Annotated[int, typer.Option(help="Of the intervals.")] = 0,
) -> None:
    """Make the pages of one or two configurations for the same shoppers, and report how good they are.

    The latest order of every shopper is held out. Writes report.json and report.html into --out, beside what they
    rest on: a page or an answer of the judge that is there is not made again. The floor is held by the configuration
    given last.

    Exit codes: 0 done; 1 done, but some shoppers have no page; 2 wrong input, or something is missing or down; 3 the
    floor is broken.

    Examples: shelfwise evaluate --sample 50 --out runs/now --floor default;
    shelfwise evaluate --sample 20 --config untuned --config default --out runs/pair
    """
    from evaluation.runs.comparing import check_deciding
    from evaluation.runs.configuration import DEFAULT, read_configuration
    from evaluation.runs.rendering import write_reports
    from evaluation.runs.running import Plan, Watched
    from evaluation.runs.running import evaluate as run

    base = load_settings()
    configurations = [read_configuration(text, base) for text in config or [DEFAULT]]
    if len(configurations) > 2:
        raise SettingsError("a run compares two configurations: give --config once or twice.")
    chosen, drawn = choose_shoppers(shoppers, sample, split, base)
    plan = Plan(
        folder=folder,
        shoppers=chosen,
        drawn=drawn,
        configurations=configurations,
        judge=read_configuration(judge, base),
        judge_share=judge_share,
        deciding=check_deciding(decide or []),
        floor=_floor(floor),
        at_a_time=concurrency,
        seed=seed,
        again=again,
    )
    report = asyncio.run(run(plan, base, seams(), Watched(_bar, _say)))
    write_reports(report, folder)
    _tell(report, folder)


def seams() -> Seams:
    """Return how the run reaches models and data."""
    from evaluation.runs.running import real_seams

    return real_seams()


def known_shoppers(settings: Settings) -> list[str]:
    """Return the shoppers of the catalogue, sorted."""
    from catalog.warehouse import Warehouse

    return Warehouse.open(settings).shopper_ids()


def choose_shoppers(file: Path | None, sample: int | None, split: str, settings: Settings) -> tuple[list[str], str]:
    """Return the shoppers of a run, and in words how they were chosen.

    Raises:
        SettingsError: both or neither of ``file`` and ``sample`` are given, there is no such split, or the file cannot
            be read, is empty, or names shoppers that the catalogue does not know.
    """
    from training.splits import SPLITS, shopper_split

    if (sample is None) == (file is None):
        raise SettingsError("give either --sample N or --shoppers FILE.")
    if split not in (*SPLITS, "all"):
        raise SettingsError(f"no split '{split}'. Splits are: {', '.join(SPLITS)}, all.")
    known = known_shoppers(settings)
    if file is not None:
        return _read_shoppers(file, known), f"the shoppers of {file.name}"
    assert sample is not None
    pool = [shopper for shopper in known if split == "all" or shopper_split(shopper) == split]
    if not pool:
        raise SettingsError(f"no shopper of the catalogue is in the split '{split}'. Give --split all.")
    # By hash, so that a larger sample keeps the pages of a smaller one.
    drawn = sorted(pool, key=lambda shopper: hashlib.sha256(f"sample:{shopper}".encode()).digest())[:sample]
    return drawn, f"{len(drawn)} of the {len(pool)} shoppers of split {split}, drawn by their ids alone"


def _read_shoppers(file: Path, known: list[str]) -> list[str]:
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"cannot read {file}: {error}. Give a text file with one shopper id a line.") from error
    numbered = {line.strip(): number for number, line in reversed([*enumerate(lines, start=1)]) if line.strip()}
    if not numbered:
        raise SettingsError(f"{file} holds no shopper id. Give one a line.")
    everyone = frozenset(known)
    unknown = sorted((number, shopper) for shopper, number in numbered.items() if shopper not in everyone)
    if unknown:
        shown = ", ".join(f"line {number} {shopper[:40]!r}" for number, shopper in unknown[:5])
        raise SettingsError(
            f"{file}: {len(unknown)} of {len(numbered)} shoppers are not in the catalogue ({shown}). A run needs "
            "their orders: correct the ids, or import the orders."
        )
    return list(dict.fromkeys(line.strip() for line in lines if line.strip()))


def _floor(name: str | None) -> tuple[Floor, Path] | None:
    from evaluation.runs.floor import DEFAULT_FLOOR as SHIPPED
    from evaluation.runs.floor import read_floor

    if name is None:
        return None
    path = SHIPPED if name == DEFAULT_FLOOR else Path(name)
    return read_floor(path), path


@contextmanager
def _bar(label: str, total: int) -> Iterator[Callable[[int], object]]:
    with progress(total, label) as (bar, task):
        yield lambda count: bar.advance(task, count)
        bar.update(task, completed=total)


def _say(text: str) -> None:
    err.print(text, style="red", markup=False, highlight=False, soft_wrap=True)


def _tell(report: Report, folder: Path) -> None:
    """Print the figures and where the report is, and end with the exit code that says how it went."""
    from evaluation.runs.floor import broken

    out.print(arms_table(report))
    if report.differences:
        out.print(differences_table(report))
    for arm in report.arms:
        if arm.judge:
            out.print(judge_table(arm.name, arm.judge))
    for name in ("report.html", "report.json"):
        err.print(f"wrote {folder / name}", markup=False, highlight=False, soft_wrap=True)
    failed = sum(len(arm.failed) for arm in report.arms)
    if failed:
        _say(f"{failed} pages could not be made: run again to try them")
    if report.floor and not report.floor.held:
        err.print(
            f"the floor {report.floor.file} is broken by {report.floor.configuration}:", style="red", markup=False
        )
        for sentence in broken(report.floor):
            err.print(f"  {sentence}", style="red", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(EXIT_FLOOR)
    if failed:
        raise typer.Exit(EXIT_SOME)
