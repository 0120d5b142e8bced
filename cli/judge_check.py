"""``shelfwise judge-check``: does the judge stand by its answers, does order sway it, did it drift."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.annotate_align import TIMEOUT_S
from cli.console import EXIT_ERROR, err, progress
from cli.plain_table import print_table, shown
from state.settings import Settings, load_settings

if TYPE_CHECKING:
    from evaluation.frozen_set import Baseline
    from evaluation.judge_check import QuestionCheck, Variant
    from state.guard import Chat

app = typer.Typer()
EXIT_DRIFT = 3


@app.command("judge-check")
def judge_check(
    bound: Annotated[float, typer.Option(min=0, max=1, help="Least share of answers as in the baseline.")] = 0.9,
    temperature: Annotated[float, typer.Option(min=0.05, max=2, help="At which it is asked again.")] = 0.7,
    limit: Annotated[int | None, typer.Option(min=2, help="Only this many items of the set: a trial.")] = None,
    answers: Annotated[
        Path | None, typer.Option("--answers", help="File of answers, continued. Default: in the home folder.")
    ] = None,
    record: Annotated[bool, typer.Option("--record", help="Make these answers this judge's baseline.")] = False,
) -> None:
    """Ask the configured judge about the frozen set three times, and compare with its stored baseline.

    The set is in the project (24 placements, 8 pages, half of them with faults). Each item is asked about as in
    production, again at a temperature with another seed, and with placements or products in reverse order. Stopped and
    started again it asks what is missing.

    Exit codes: 0 as in the baseline; 2 no baseline of this judge, or it cannot be asked; 3 drift: fewer answers than
    --bound are as in the baseline.
    """
    from agents.judge import prompt_version
    from agents.judge_calibration import adapter_digest, answering_model
    from evaluation.frozen_set import Baseline, load_frozen, read_baselines
    from evaluation.judge_check import VARIANTS, ask_all, basis_of, check_questions, drift

    settings = load_settings()
    items, frozen = load_frozen()
    items = items[:limit]
    model = answering_model(settings.roles["judge"])
    now = Baseline(adapter_sha256=adapter_digest(model), prompt=prompt_version(), frozen=frozen, answers={})
    basis = basis_of(model, now.adapter_sha256, now.prompt, frozen, temperature)
    path = answers or settings.home / "judge-check" / f"{basis}.jsonl"
    with progress(len(items) * len(VARIANTS), "questions of the frozen set") as (bar, row):
        asking = ask_all(judge_chats(settings, temperature), items, basis, path, on_done=partial(bar.advance, row))
        said, usage = asyncio.run(asking)
        bar.update(row, completed=len(items) * len(VARIANTS))
    baselines = read_baselines()
    then = baselines.judges.get(model)
    then = then if then is not None and then.frozen == frozen else None
    _print(model, check_questions(items, said, then))
    err.print(
        f"{usage.calls} calls, {usage.tokens_in + usage.tokens_out:,} tokens, ${usage.cost_usd:.4f}; answers in {path}",
        highlight=False,
        soft_wrap=True,
    )
    if record:
        now.answers = {item.id: said["plain", item.id] for item in items}
        _record(model, now, limit)
    elif then is None:
        err.print(f"no baseline of {model} on this set: record one with --record", style="red", highlight=False)
        raise typer.Exit(EXIT_ERROR)
    else:
        share = drift(items, said, then)
        changed = _changes(then, now)
        verdict = "drift" if share.estimate < bound else "as before"
        err.print(f"{verdict}: {shown(share)} of the answers are as in the baseline, {bound:g} needed{changed}")
        if share.estimate < bound:
            raise typer.Exit(EXIT_DRIFT)


def judge_chats(settings: Settings, temperature: float) -> dict[Variant, Chat]:
    """Open the judge as it is, and at ``temperature`` with another seed."""
    from agents.retrying import RetryingChat
    from engines.chat import ChatClient

    role = settings.roles["judge"]
    patient = role.model_copy(update={"timeout_s": max(role.timeout_s, TIMEOUT_S)})
    other = patient.model_copy(update={"temperature": temperature, "seed": role.seed + 1})
    plain, again = (
        RetryingChat(ChatClient(settings.model_copy(update={"roles": {**settings.roles, "judge": one}})))
        for one in (patient, other)
    )
    return {"plain": plain, "again": again, "reversed": plain}


def _record(model: str, baseline: Baseline, limit: int | None) -> None:
    from evaluation.frozen_set import BASELINES, FOLDER, baselines_text, read_baselines
    from training.datasets import write_whole

    if limit is not None:
        raise typer.BadParameter("a baseline is of the whole set: leave --limit out", param_hint="--record")
    baselines = read_baselines()
    baselines.judges[model] = baseline
    write_whole(FOLDER / BASELINES, baselines_text(baselines).encode())
    err.print(f"baseline of {model} recorded in {FOLDER / BASELINES}", highlight=False, soft_wrap=True)


def _changes(then: Baseline, now: Baseline) -> str:
    """Return what is known to differ from when the baseline was recorded."""
    parts = {"adapter": then.adapter_sha256 != now.adapter_sha256, "prompt": then.prompt != now.prompt}
    changed = [name for name, differs in parts.items() if differs]
    return f" ({' and '.join(changed)} changed since)" if changed else ""


def _print(model: str, found: list[QuestionCheck]) -> None:
    columns = "question", "n", "unread", "accuracy", "leniency", "asked again", "reversed", "sway", "as baseline"
    rows = [
        [
            *(one.question, str(one.items), f"{one.unread:.2f}", shown(one.accuracy), f"{one.leniency:+.2f}"),
            *(shown(one.stands), shown(one.unswayed), f"{one.sway:+.2f}"),
            "–" if one.kept is None else shown(one.kept),
        ]
        for one in found
    ]
    print_table(f"{model} on the frozen set (95 % intervals)", columns, rows)
