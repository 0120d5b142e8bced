"""The student's adapter laid over the base, merged in int8, merged in 16 bit: ``python benchmarks/student_engines.py``.

The three answer the same questions of the app (pages, keywords, judgements of one split). Quality is agreement with the
labels: of a page the concepts that the teacher named too, of keywords those that the teacher chose, of judgements the
answers that are right. Alone is one question at a time, together all at once. Merged models are installed when they are
not there; ``--adapter`` names another adapter.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli.train_student import SHARES, open_student_shop
from engines.chat import ChatClient
from engines.installed import folder_of
from state.errors import AnswerRejected
from state.settings import PROJECT_ROOT, RoleSettings, Settings, load_settings
from training.examples import Task
from training.student_examples import ChatExample, chat_examples
from training.student_export import base_of, install_merged

ROLES = {Task.DESIGN: "designer", Task.KEYWORDS: "keyword_writer", Task.JUDGE: "judge"}
ALONE = 3
SIDE_BY_SIDE = 8


@dataclass(frozen=True)
class Asked:
    """One answered question: seconds it took, tokens written, the answer (None when it could not be used)."""

    seconds: float
    tokens: int
    answer: dict[str, Any] | None


async def ask(chat: ChatClient, example: ChatExample) -> Asked:
    started = time.perf_counter()
    try:
        found = await chat.ask(ROLES[example.task], example.messages, example.schema, phase="benchmark")
    except AnswerRejected:
        return Asked(time.perf_counter() - started, 0, None)
    return Asked(time.perf_counter() - started, found.usage.tokens_out, found.value.model_dump(mode="json"))


@dataclass(frozen=True)
class Measured:
    """One engine: seconds to load, answers to questions asked alone and together, their seconds and CPU seconds."""

    load_s: float
    alone: list[Asked]
    together: list[Asked]
    together_s: float
    alone_cpu_s: float
    together_cpu_s: float


async def measure(settings: Settings, examples: Sequence[ChatExample], alone: Sequence[ChatExample]) -> Measured:
    """Ask all questions. CPU time is told too: beside other work it is what two engines can be compared by."""
    chat, gate = ChatClient(settings), asyncio.Semaphore(SIDE_BY_SIDE)

    async def one(example: ChatExample) -> Asked:
        async with gate:
            return await ask(chat, example)

    started = time.perf_counter()
    await ask(chat, examples[-1])
    load = time.perf_counter() - started
    cpu = [time.process_time()]
    single = [await ask(chat, example) for example in alone]
    cpu.append(time.process_time())
    started = time.perf_counter()
    together = await asyncio.gather(*(one(example) for example in examples))
    seconds = time.perf_counter() - started
    cpu.append(time.process_time())
    return Measured(load, single, list(together), seconds, cpu[1] - cpu[0], cpu[2] - cpu[1])


def agreement(example: ChatExample, answer: dict[str, Any] | None) -> tuple[int, int]:
    """Return how many parts of ``answer`` are the label's, and how many there are."""
    label = json.loads(example.answer)
    if example.task is Task.JUDGE:
        wrong = {"answer": ""}
        given = answer or {}
        return sum(given.get(name, wrong)["answer"] == asked["answer"] for name, asked in label.items()), len(label)
    if answer is None:
        return 0, 0
    if example.task is Task.KEYWORDS:
        return len({*answer["keywords"]} & {*label["keywords"]}), len(answer["keywords"])
    right, found = ({c.casefold() for theme in page["themes"] for c in theme["concepts"]} for page in (label, answer))
    return len(right & found), len(found)


def settings_of(model: str, adapter: Path | None) -> Settings:
    settings = load_settings().model_copy(deep=True, update={"merged": False})
    tokens = {"designer": 900, "keyword_writer": 300, "judge": 600}
    given = {"model": model, "adapter": str(adapter) if adapter else None, "max_reasks": 0, "timeout_s": 600.0}
    settings.roles.update({name: RoleSettings(max_tokens=tokens[name], **given) for name in ROLES.values()})  # type: ignore[arg-type, misc]
    return settings


def weights_mb(settings: Settings, model: str, adapter: Path | None) -> float:
    size = (folder_of(settings, model) / "openvino_model.bin").stat().st_size
    return (size + ((adapter / "adapter_model.safetensors").stat().st_size if adapter else 0)) / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--adapter", type=Path, default=PROJECT_ROOT / "models" / "student")
    parser.add_argument("--split", choices=("dev", "test"), default="test")
    parser.add_argument("--items", type=int, default=20, help="questions of each task")
    parser.add_argument("--tasks", default="design,keywords,judge")
    given = parser.parse_args()
    settings, tasks = load_settings(), [Task(name) for name in given.tasks.split(",") if Task(name) in SHARES]
    base = base_of(given.adapter)
    names = {int8: f"{base}-merged-{'int8' if int8 else '16bit'}" for int8 in (True, False)}
    for int8, name in names.items():
        if not folder_of(settings, name).exists():
            print(f"installing {name}", file=sys.stderr, flush=True)
            install_merged(settings, given.adapter, name, int8=int8)
    made = chat_examples(open_student_shop(settings), tasks, given.split, most=given.items)
    examples = [example for task in tasks for example in made.rows[task]]
    alone = [example for task in tasks for example in made.rows[task][:ALONE]]
    arms = [("adapter over int8 base", base, given.adapter), ("merged, int8", names[True], None)]
    arms.append(("merged, 16 bit", names[False], None))
    heads = ["engine", "MB", "load s", "s alone", "tokens/s alone", "tokens/s together", "CPU ms/token alone"]
    heads += ["CPU ms/token together", "usable", "same as first", *(f"{task.value} agreement" for task in tasks)]
    print("| " + " | ".join(heads) + " |\n|" + "---|" * len(heads), flush=True)
    first: list[Asked] = []
    for label, model, adapter in arms:
        found = asyncio.run(measure(settings_of(model, adapter), examples, alone))
        single, together = found.alone, found.together
        first = first or together
        cells = [label, f"{weights_mb(settings, model, adapter):.0f}", f"{found.load_s:.1f}"]
        tokens = [sum(asked.tokens for asked in asks) for asks in (single, together)]
        cells.append(f"{statistics.mean(asked.seconds for asked in single):.2f}")
        cells.append(f"{tokens[0] / sum(asked.seconds for asked in single):.1f}")
        cells.append(f"{tokens[1] / found.together_s:.1f}")
        cells.append(f"{1000 * found.alone_cpu_s / max(1, tokens[0]):.1f}")
        cells.append(f"{1000 * found.together_cpu_s / max(1, tokens[1]):.1f}")
        cells.append(f"{sum(asked.answer is not None for asked in together)}/{len(together)}")
        cells.append(f"{sum(a.answer == b.answer for a, b in zip(first, together, strict=True))}/{len(together)}")
        for task in tasks:
            counts = [agreement(e, a.answer) for e, a in zip(examples, together, strict=True) if e.task is task]
            cells.append(f"{sum(hit for hit, _ in counts) / max(1, sum(of for _, of in counts)):.3f}")
        print("| " + " | ".join(cells) + " |", flush=True)
    print(f"\n{len(examples)} questions of the {given.split} split ({given.items} of each task at most).")


if __name__ == "__main__":
    main()
