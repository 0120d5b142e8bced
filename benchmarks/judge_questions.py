"""Which questions the configured judge answers better than chance: ``python benchmarks/judge_questions.py``.

Asks it about placements and pages of the test split, half of them with faults of families that no training example
shows (training/judge_corruptions.py); pages also with their themes in reverse. ``--adapter NAME`` lays an adapter over
the judge's model, ``--split dev`` is for choosing between judges. ``--write`` records the figures in
guardrails/judge_calibration.json, by which the judge guard lets questions decide, and in docs/judge.md.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from typing import TYPE_CHECKING, Annotated

import typer

from agents.judge import ROLE, prompt_version
from agents.judge_calibration import (
    FILE,
    JudgeCalibration,
    JudgeRecord,
    adapter_digest,
    answering_model,
    read_calibration,
)
from cli.console import err, out, progress
from state.errors import ShelfwiseError
from state.settings import PROJECT_ROOT, RoleSettings, Settings, load_settings
from training.datasets import write_whole
from training.splits import Split

if TYPE_CHECKING:
    from evaluation.judge_scores import Judged


DOCS = PROJECT_ROOT / "docs" / "judge.md"
TIMEOUT_S = 3600.0
"""All examples are asked at once and wait for their turn: a page's time limit would end them."""


def configured(settings: Settings, adapter: str | None, base: bool) -> Settings:
    """Return the settings with the judge's adapter changed; nothing but the judge is asked."""
    role = settings.roles["judge"]
    given = {**role.model_dump(), "timeout_s": max(role.timeout_s, TIMEOUT_S)}
    if adapter or base:
        given["adapter"] = None if base else adapter
    role = RoleSettings.model_validate(given)
    return settings.model_copy(update={"roles": {**settings.roles, "judge": role}})


def ask(settings: Settings, split: Split, placements: int, pages: int) -> tuple[list[Judged], str]:
    """Return the judge's answers on examples of ``split``, and a digest of the examples."""
    from catalog.warehouse import Warehouse
    from engines.chat import ChatClient
    from evaluation.judge_scores import judge_all
    from tools.shopper import ShopperContextTool
    from training.judge_corruptions import judge_examples

    warehouse = Warehouse.open(settings)
    shoppers = ShopperContextTool(warehouse)
    examples = judge_examples(split, warehouse, shoppers, placements=placements, pages=pages)
    with progress(len(examples), "examples") as (bar, row):
        judged = asyncio.run(judge_all(ChatClient(settings), shoppers, examples, on_done=lambda: bar.advance(row)))
    content = "".join(example.model_dump_json() for example in examples)
    return judged, hashlib.sha256(content.encode()).hexdigest()[:12]


def main(
    placements: Annotated[int, typer.Option(min=0, help="Placements to ask about, at most.")] = 60,
    pages: Annotated[int, typer.Option(min=0, help="Pages to ask about, at most; each is asked about twice.")] = 20,
    split: Annotated[str, typer.Option(help="test, or dev while choosing between judges.")] = "test",
    adapter: Annotated[str | None, typer.Option(help="LoRA adapter instead of the configured one.")] = None,
    base: Annotated[bool, typer.Option("--base", help="Without the configured adapter.")] = False,
    write: Annotated[bool, typer.Option("--write", help=f"Record the figures in guardrails/{FILE}.")] = False,
) -> None:
    """Print a line a question and, with --write, record them."""
    from evaluation.judge_figures import figures, write_figures
    from evaluation.judge_scores import score_questions

    if split not in ("test", "dev"):
        raise typer.BadParameter("--split is test or dev: a judge may have learned from train")
    if write and split != "test":
        raise typer.BadParameter("only figures of the test split are recorded")
    settings = configured(load_settings(), adapter, base)
    role = settings.roles["judge"]
    model = answering_model(role)
    started = time.perf_counter()
    judged, digest = ask(settings, split, placements, pages)  # type: ignore[arg-type]
    seconds = time.perf_counter() - started
    questions = score_questions(judged)
    record = JudgeRecord(
        model=model,
        adapter_sha256=adapter_digest(model),
        prompt=prompt_version(),
        questions=questions,
        measured_on=f"{split}, examples {digest}, role {ROLE}, prompt {prompt_version()}",
        command=f"python benchmarks/judge_questions.py --placements {placements} --pages {pages} {_named(role)}--write",
    )
    out.print(figures(JudgeCalibration(judges=[record])), markup=False, highlight=False, soft_wrap=True)
    err.print(f"{len(judged)} examples in {seconds:.0f} s", highlight=False)
    if write:
        folder = PROJECT_ROOT / "guardrails"
        calibration = read_calibration(folder).with_record(record)
        write_whole(folder / FILE, f"{calibration.model_dump_json(indent=1)}\n".encode())
        write_figures(DOCS, calibration)
        err.print(f"recorded in {folder / FILE} and {DOCS}", highlight=False, soft_wrap=True)


def _named(role: RoleSettings) -> str:
    if role.engine == "openai":
        return ""
    return f"--adapter {role.adapter} " if role.adapter else "--base "


if __name__ == "__main__":
    try:
        typer.run(main)
    except ShelfwiseError as error:
        err.print(str(error), markup=False)
        raise SystemExit(2) from None
