"""What rewrites do to results: ``python benchmarks/query_rewrites.py [--split S] [--queries N] [--sample N --out F]``.

For queries with thin results (by the gate of tools/query_results.py) and for the others: recall of relevant products,
precision and NDCG of a page of 24 results as the search finds them, as the shop pages them without rewrites, and with
those of each system that the guards let through; by kind, the share of queries that are given one and the share of
rewrites whose first products are relevant; what each guard took out. Relevance is the teacher's judgement of products
(training/data/query_products.jsonl.gz; evaluation/rewrite_effect.py says what stands in where there is none).
``--sample`` writes rewrites to be read by people instead, each with its first products, in an order that does not tell
the system.

``--answers NAME=FILE`` adds what 'shelfwise intents --no-cache' answered as a system.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import track

from evaluation.rewrite_effect import QUERY_FITS, EffectMeter, GroupEffect, RewriteSystem, SystemEffect, graded
from graph.intent_guards import build_intent_guards, discover_intent_guards, run_intent_guards
from graph.services import Services, open_services
from state.intent import REWRITE_KINDS, IntentDraft, LabelledQuery, Rewrites
from state.intent_guard import IntentGuardContext
from state.settings import load_settings
from tools.labelled_queries import LabelledQueries, own_keys
from tools.other_names import OtherNames
from tools.query_results import RewriteGate
from tools.query_rewrites import RetrievedRewrites
from tools.synonyms import Synonyms
from training.datasets import load_examples
from training.examples import Task
from training.query_products import load_query_products

LIMIT, LOOKED_AT = 3, 8


def systems(services: Services) -> dict[str, RewriteSystem]:
    """Return the systems to measure, by name. Labelled queries are those of the training split."""
    labelled = LabelledQueries.open(services.settings, services.embedder)
    names = OtherNames(labelled.rows)
    retrieved = RetrievedRewrites(services.keywords, services.products, labelled, names)
    synonyms = Synonyms.open(labelled, names)

    def teacher(row: LabelledQuery) -> Rewrites:
        return row.rewrites

    def retrieval(row: LabelledQuery) -> Rewrites:
        own = frozenset(own_keys(row))
        found = {
            kind: retrieved.rewrites(row.corrected, row, row.categories, kind, LOOKED_AT, without=own)
            for kind in REWRITE_KINDS
        }
        found["synonym"] = synonyms.best(row.corrected, row, row.categories, found["synonym"], without=own)
        return Rewrites(**{kind: texts[:LIMIT] for kind, texts in found.items()})

    return {"teacher": teacher, "retrieval": retrieval}


def answered(path: Path) -> RewriteSystem:
    """Return the rewrites that a file of answers holds, by query; none for a query that it does not hold."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    held = {row["query"]: Rewrites.model_validate(row["rewrites"]) for row in rows if "rewrites" in row}
    return lambda row: held.get(row.query, Rewrites())


class RewriteGuards:
    """The guards of rewrites of the project over the services in use."""

    def __init__(self, services: Services) -> None:
        classes = discover_intent_guards(services.settings.guards_dir)
        self._guards = build_intent_guards([cls for cls in classes if {*cls.parts} <= {*REWRITE_KINDS}])
        categories = {category.path: category for category in services.catalog.categories()}
        self._context = IntentGuardContext(
            services.embedder, services.scorer, categories=categories, products=services.products
        )

    def __call__(self, draft: IntentDraft) -> tuple[IntentDraft, Sequence[Any]]:
        return run_intent_guards(self._guards, draft, self._context)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--split", default="dev", choices=["train", "dev", "test"])
    parser.add_argument("--queries", type=int, help="measure so many, drawn by seed 7 (default: all)")
    parser.add_argument("--fits", type=float, default=QUERY_FITS, help="score from which a product fits a query")
    parser.add_argument("--sample", type=int, help="write so many rewrites of each system and kind to --out")
    parser.add_argument("--out", type=Path, default=Path("rewrites.jsonl"))
    parser.add_argument("--answers", action="append", default=[], metavar="NAME=FILE", help="answers of the app")
    arguments = parser.parse_args()
    rows = [row.labelled for row in load_examples(Task.INTENTS, arguments.split)]
    random.Random(7).shuffle(rows)
    services = open_services(load_settings())
    compared, guards = systems(services), RewriteGuards(services)
    for named in arguments.answers:
        name, _, path = named.partition("=")
        compared[name] = answered(Path(path))
    if arguments.sample:
        write_sample(rows, compared, guards, services, arguments.sample, arguments.out)
        return
    judged = {row.query: row.grades for row in load_query_products(arguments.split).values()}
    meter = EffectMeter(services.products, graded(judged, services.scorer, arguments.fits), guards)
    gate = RewriteGate(services.products)
    groups = {"thin": GroupEffect(), "not thin": GroupEffect()}
    for row in track(rows[: arguments.queries], description="queries"):
        meter.add(groups["thin" if gate.forecast(row.corrected).thin else "not thin"], row, compared)
    known = sum(row.corrected in judged for row in rows[: arguments.queries])
    print(f"{arguments.split} split, {known} queries with judged products, others by {services.scorer.name}")
    for name, group in groups.items():
        print_group(name, group)


def print_group(name: str, group: GroupEffect) -> None:
    """Print the tables of one group of queries."""
    print(f"\n{group.queries} queries whose results are {name}")
    print("| page | recall | recall of what was asked for | precision | NDCG |\n|---|---|---|---|---|")
    pages = {"as found": group.plain, "no rewrites": group.without}
    for name, page in (pages | {system: effect.page for system, effect in group.systems.items()}).items():
        print(f"| {name} | {mean(page.recall)} | {mean(page.asked_for)} | {mean(page.precision)} | {mean(page.ndcg)} |")
    print("\n| system | kind | queries given one | finds what is relevant |\n|---|---|---|---|")
    for system, effect in group.systems.items():
        for kind in REWRITE_KINDS:
            right = (
                f"{effect.right[kind]} of {effect.rewrites[kind]} ({share(effect.right[kind], effect.rewrites[kind])})"
            )
            print(f"| {system} | {kind} | {share(effect.given[kind], group.queries)} | {right} |")
    for system, effect in group.systems.items():
        print(f"{system}: {taken_out(effect)}")


def taken_out(effect: SystemEffect) -> str:
    """Return what the guards took out of a system's rewrites, in words."""
    by_guard = ", ".join(f"{guard} {count}" for guard, count in effect.removed.most_common())
    return f"guards took out {effect.removed.total()} of {effect.proposed} rewrites ({by_guard or 'none'})"


def mean(values: Sequence[float]) -> str:
    return f"{np.mean(values):.3f}" if values else "-"


def share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "-"


def write_sample(
    rows: Sequence[LabelledQuery],
    compared: Mapping[str, RewriteSystem],
    guards: RewriteGuards,
    services: Services,
    count: int,
    out: Path,
) -> None:
    """Write ``count`` rewrites of each system and kind as JSON lines, one rewrite a query, with an empty verdict."""
    lines = []
    for system, rewrite in compared.items():
        wanted = dict.fromkeys(REWRITE_KINDS, count)
        for row in rows:
            if not any(wanted.values()):
                break
            fields = row.model_dump(exclude={"kind", "rewrites"})
            left = guards(IntentDraft(**fields, rewrites=rewrite(row)))[0].rewrites
            for kind, texts in left:
                if texts and wanted[kind]:
                    wanted[kind] -= 1
                    shown = [hit.product.name for hit in services.products.find(texts[:1], limit=5)]
                    lines.append(
                        {"query": row.corrected, "kind": kind, "rewrite": texts[0], "finds": shown, "good": None}
                        | {"system": system}
                    )
    random.Random(7).shuffle(lines)
    out.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")
    print(f"wrote {len(lines)} rewrites to {out}: put true or false under 'good'")


if __name__ == "__main__":
    main()
