"""The diet guard of rewrites: ``python benchmarks/rewrite_diet.py [--misses]``.

Prints recall and over-refusal on the diet set (evaluation/rewrite_diet_set, made by hand) and, as a second view that
nobody made for the guard, the share of the teacher's rewrites of queries with a diet that it takes out (train and dev).
Exits with 1 below recall 0.99 or above 5 % over-refusal.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter

from evaluation.rewrite_diet_set.scoring import DietCase, read_cases, score_cases
from graph.intent_guards import build_intent_guards, discover_intent_guards
from state.intent import IntentDraft
from state.intent_guard import IntentGuard, IntentGuardContext
from state.settings import load_settings
from training.datasets import load_examples
from training.examples import Task

MIN_RECALL, MAX_REFUSED = 0.99, 0.05


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--misses", action="store_true", help="list what went wrong, and what the teacher lost")
    arguments = parser.parse_args()
    guard, context = opened()
    score = score_cases(guard, read_cases(), context)
    print(f"{len(score.cases)} rewrites, {score.breaking} of them let go of the diet that the query asks for")
    print(f"caught: {score.breaking - len(score.missed)} of {score.breaking} ({score.recall:.1%})")
    clean = len(score.cases) - score.breaking
    print(f"clean ones taken out: {len(score.wronged)} of {clean} ({score.over_refusal:.1%})")
    if arguments.misses:
        show("MISSED", score.missed)
        show("WRONGED", score.wronged)
    teacher(guard, context, arguments.misses)
    sys.exit(score.recall < MIN_RECALL or score.over_refusal > MAX_REFUSED)


def opened() -> tuple[IntentGuard, IntentGuardContext]:
    """Return the guard, and a context with the product search of the catalogue in use."""
    from catalog.warehouse import Warehouse
    from engines.embedder import load_embedder
    from tools.products import ProductSearch

    settings = load_settings()
    [guard] = [
        guard
        for guard in build_intent_guards(discover_intent_guards(settings.guards_dir))
        if guard.name == "rewrite_diet"
    ]
    embedder = load_embedder(settings)
    products = ProductSearch.open(settings, Warehouse.open(settings), embedder)
    return guard, IntentGuardContext(embedder=embedder, scorer=None, products=products)  # type: ignore[arg-type]


def show(what: str, cases: list[DietCase] | tuple[DietCase, ...]) -> None:
    for case in cases:
        print(f"  {what} {case.query} -> {case.rewrite} ({case.kind})")


def teacher(guard: IntentGuard, context: IntentGuardContext, listed: bool) -> None:
    """Print the share of the teacher's rewrites that the guard takes out, by kind."""
    out, asked = Counter[str](), Counter[str]()
    for split in ("train", "dev"):
        for row in load_examples(Task.INTENTS, split):
            draft = IntentDraft(query=row.query, corrected=row.corrected, rewrites=row.rewrites)
            verdicts = guard.check(draft, context)
            probe = draft.model_copy(update={"rewrites": type(row.rewrites)(substitute=["∎ nothing"])})
            if not guard.check(probe, context):
                continue
            asked.update({kind: len(texts) for kind, texts in row.rewrites})
            out.update(verdict.part for verdict in verdicts)
            for verdict in verdicts if listed else ():
                print(f"  TEACHER {row.corrected} -> {verdict.text} ({verdict.part}): {verdict.reason}")
    print("\nthe teacher's rewrites of queries with a diet (train and dev) that the guard takes out:")
    for kind, count in asked.items():
        print(f"  {kind}: {out[kind]} of {count} ({out[kind] / count:.1%})")


if __name__ == "__main__":
    main()
