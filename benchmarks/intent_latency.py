"""How long a query takes, from an untuned model to a cached answer: ``python benchmarks/intent_latency.py``.

Every row answers the same labelled queries through the whole intent graph, one at a time, head cache off, rewrites
where they can help; the last row answers them from the cache. Ratios are to the first row. Beside the time stands the
quality: F1 of the roles against the labels, and the share whose first category is one of the label's. Queries of the
dev split by default: the test split is for the figures of docs/intents.md. Merged models are installed when they are
not there.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from engines.chat import ChatClient
from engines.installed import folder_of
from evaluation.intent_scores import role_scores
from graph.intent import build_intent_graph
from graph.query_opening import shared_query_services
from graph.query_services import QueryServices
from state.intent import LabelledQuery, QueryIntent
from state.intent_state import IntentOptions
from state.settings import PROJECT_ROOT, QueryRole, RoleSettings, Settings, load_settings
from training.datasets import load_examples
from training.examples import IntentExample, Task
from training.student_config import ADAPTER as ADAPTER_FILE
from training.student_config import read_card
from training.student_export import base_of, install_merged

ADAPTER = PROJECT_ROOT / "models" / "query-student"
CACHED_ROUNDS = 20
"""How often each query is answered from the cache: a percentile needs hundreds."""
ROLES: tuple[QueryRole, ...] = ("query_parser", "query_rewriter")


@dataclass(frozen=True)
class Arm:
    """One row: the model that answers, and how it is asked."""

    label: str
    model: str
    adapter: str | None = None
    full_prompts: bool = False
    cached: bool = False


class Known:
    """A head cache that holds what it is given."""

    def __init__(self, rows: Sequence[LabelledQuery]) -> None:
        self._rows = {row.query: row for row in rows}

    def get(self, query: str) -> LabelledQuery | None:
        return self._rows.get(query)


def settings_of(arm: Arm, settings: Settings) -> Settings:
    changed = settings.model_copy(deep=True)
    tokens = 400 if arm.full_prompts else 120
    for role in ROLES:
        changed.roles[role] = RoleSettings(model=arm.model, adapter=arm.adapter, max_tokens=tokens, timeout_s=300)
    changed.merged = False  # each row is what it says
    changed.intent.prompts = "full" if arm.full_prompts else "compact"
    return changed


async def answers(
    services: QueryServices, queries: list[str], *, cached: bool
) -> tuple[list[QueryIntent], list[float]]:
    """Return the answers and the milliseconds of each, the first query asked once before."""
    graph, options = build_intent_graph(lambda: services), IntentOptions(use_cache=cached)
    await graph.ainvoke({"query": queries[0]}, context=options)
    found, times = [], []
    for query in [*queries, *(queries * (CACHED_ROUNDS - 1) if cached else ())]:
        started = time.perf_counter()
        result = await graph.ainvoke({"query": query}, context=options)
        times.append((time.perf_counter() - started) * 1000)
        found.append(QueryIntent.model_validate(result["intent"]))
    return found[: len(queries)], times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--adapter", type=Path, default=ADAPTER)
    parser.add_argument("--split", choices=("dev", "test"), default="dev")
    parser.add_argument("--queries", type=int, default=40)
    given = parser.parse_args()
    settings, services = load_settings(), shared_query_services()
    rows: Sequence[IntentExample] = load_examples(Task.INTENTS, given.split)[: given.queries]
    base = base_of(given.adapter)
    weights = read_card(given.adapter).files[ADAPTER_FILE][:8]
    names = {int8: f"{base}-intents-{weights}-{'int8' if int8 else '16bit'}" for int8 in (True, False)}
    for int8, name in names.items():
        if not folder_of(settings, name).exists():
            print(f"installing {name}", file=sys.stderr, flush=True)
            install_merged(settings, given.adapter, name, int8=int8)
    arms = [
        Arm("untuned, few-shot prompts", base, full_prompts=True),
        Arm("untuned, compact prompts", base),
        Arm("student, adapter over int8 base", base, str(given.adapter)),
        Arm("student, merged, 16 bit", names[False]),
        Arm("student, merged, int8", names[True]),
        Arm("head cache", names[True], cached=True),
    ]
    heads = ["engine", "p50 ms", "p99 ms", "p50, ratio", "roles F1", "category@1", "answered by the model"]
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    first = 0.0
    for arm in arms:
        used = settings_of(arm, settings)
        known = Known([row.labelled for row in rows]) if arm.cached else None
        served = replace(services, settings=used, chat=ChatClient(used), cache=known, queue=None)
        found, times = asyncio.run(answers(served, [row.query for row in rows], cached=arm.cached))
        p50, p99 = np.percentile(times, [50, 99])
        first = first or p50
        hits = [bool(a.categories) and a.categories[0] in row.categories for a, row in zip(found, rows, strict=True)]
        model = np.mean([answer.source == "student" for answer in found])
        cells = [
            arm.label,
            f"{p50:.1f}",
            f"{p99:.1f}",
            f"{p50 / first:.3f}",
            f"{role_scores(list(zip(rows, found, strict=True))).f1.estimate:.3f}",
        ]
        lines.append("| " + " | ".join([*cells, f"{np.mean(hits):.3f}", f"{model:.0%}"]) + " |")
        print(lines[-1], file=sys.stderr, flush=True)
    print("\n".join(lines))
    print(f"\n{len(rows)} queries of the {given.split} split, one at a time.")


if __name__ == "__main__":
    main()
