"""``shelfwise annotate align``: the judge held to people's answers."""

from __future__ import annotations

import asyncio
import hashlib
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.console import err, out, progress
from state.errors import AnnotationError
from state.settings import Settings, load_settings

if TYPE_CHECKING:
    from evaluation.judge_answers import JudgeAnswer
    from evaluation.study import Study
    from state.guard import Chat

StudyFolder = Annotated[Path, typer.Option("--study", help="Folder of the study, as 'annotate sample --out' wrote it.")]
ANSWERS, REPORT = "judge-answers.jsonl", "alignment.json"
TIMEOUT_S = 3600.0
"""All items are asked at once and wait for their turn: a page's time limit would end them."""


def align(
    folder: StudyFolder,
    judge_answers: Annotated[
        Path | None, typer.Option(help=f"Answers of a judge, as an earlier run left them in STUDY/{ANSWERS}.")
    ] = None,
    min_kappa: Annotated[float, typer.Option(min=0, max=1, help="Kappa that lets a question decide.")] = 0.6,
    min_items: Annotated[int, typer.Option(min=2, help="Items that people and judge must share.")] = 50,
    min_no: Annotated[int, typer.Option(min=1, help="Items that people must have failed.")] = 10,
    write: Annotated[
        bool, typer.Option("--write", help="Have the judge guard obey it (judge_calibration.json).")
    ] = False,
) -> None:
    """Hold the judge to people's answers: accuracy, kappa and leniency by question, and which questions may decide.

    Asks the configured judge about every item that people answered, those of an earlier run left out, and writes
    STUDY/alignment.json. With --write the judge guard drops placements by the questions that pass, and by no other, as
    long as model, adapter and prompt stay the same.

    Example: shelfwise annotate align --study studies/march --write
    """
    from agents.judge_calibration import AlignmentReport, JudgeRecord, read_calibration
    from evaluation.alignment import AlignmentGate, write_report
    from evaluation.alignment import align as hold
    from evaluation.annotations import consensus
    from evaluation.judge_answers import labels_of, read_judge_answers
    from evaluation.judge_figures import alignment_table
    from evaluation.study import Study

    study = Study.open(folder)
    given = study.annotations()
    people = consensus(given)
    if not people:
        raise AnnotationError("nothing is answered yet, or no two annotators agree. Annotate first.")
    items = {item for item, _ in people}
    answers = read_judge_answers(judge_answers, items) if judge_answers else _asked(study, items)
    judge, adapter, prompt = answers[0].asked
    report = AlignmentReport(
        judge=judge,
        adapter_sha256=adapter,
        prompt=prompt,
        people=f"{', '.join(study.card.annotators)}; {len(given)} answers, {digest_of(study)}",
        command=" ".join(["shelfwise", *sys.argv[1:]]),
        questions=hold(labels_of(answers), people, AlignmentGate(min_kappa, min_items, min_no)),
    )
    write_report(folder / REPORT, report)
    out.print(alignment_table(report), markup=False, highlight=False, soft_wrap=True)
    err.print(f"wrote {folder / REPORT}", highlight=False, soft_wrap=True)
    if write:
        if study.card.level == "page":
            raise AnnotationError("questions on the page never decide: there is nothing for the guard to obey.")
        guards = load_settings().guards_dir
        record = JudgeRecord(model=judge, adapter_sha256=adapter, prompt=prompt, people=report)
        _record(guards, read_calibration(guards).with_record(record).model_dump_json(indent=1))


def judge_chat(settings: Settings) -> tuple[Chat, str]:
    """Open the judge, with time for all items; returned with the name that its answers carry."""
    from agents.judge_calibration import answering_model
    from agents.retrying import RetryingChat
    from engines.chat import ChatClient

    role = settings.roles["judge"]
    patient = role.model_copy(update={"timeout_s": max(role.timeout_s, TIMEOUT_S)})
    roles = {**settings.roles, "judge": patient}
    return RetryingChat(ChatClient(settings.model_copy(update={"roles": roles}))), answering_model(role)


def _asked(study: Study, items: set[str]) -> list[JudgeAnswer]:
    from evaluation.judge_answers import ask_judge

    chat, model = judge_chat(load_settings())
    sources = [source for key, source in study.sources.items() if key in items]
    card, path = study.card, study.folder / ANSWERS
    with progress(len(sources), "items judged") as (bar, row):
        done = partial(bar.advance, row)
        asking = ask_judge(chat, model, sources, card.level, card.min_products, path, on_done=done)
        answers = asyncio.run(asking)
        bar.update(row, completed=len(sources))
    used = [answer.usage for answer in answers if answer.usage is not None]
    tokens = sum(usage.tokens_in + usage.tokens_out for usage in used)
    cost = sum(usage.cost_usd for usage in used)
    err.print(f"{model}: {len(used)} answers, {tokens:,} tokens, ${cost:.4f}", highlight=False, soft_wrap=True)
    return answers


def _record(guards: Path, text: str) -> None:
    from agents.judge_calibration import FILE
    from training.datasets import write_whole

    write_whole(guards / FILE, f"{text}\n".encode())
    err.print(f"recorded in {guards / FILE}", highlight=False, soft_wrap=True)


def digest_of(study: Study) -> str:
    """Return a short digest of the answers that stand."""
    lines = "".join(answer.model_dump_json() for answer in study.annotations())
    return hashlib.sha256(lines.encode()).hexdigest()[:12]
