"""How good whole answers to queries are: ``python benchmarks/query_answers.py ANSWERS --split test``.

ANSWERS is what ``shelfwise intents --no-cache`` wrote for the queries of the split (``--write-queries FILE`` writes
them). Queries count as typed: roles and categories of a misspelt query suffer from a spelling that was not repaired.
Prints roles, categories, spelling, where answers came from, the share of queries that are given each kind of rewrite
(of those that the label gives it), and how right the roles are in bands of the confidence.
"""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.table import Table

from catalog.warehouse import Warehouse
from evaluation.intent_scores import category_scores, role_scores, role_scores_by_kind, shown, spelling_scores
from state.intent import REWRITE_KINDS, LabelledQuery, QueryIntent
from state.settings import load_settings
from training.datasets import load_examples
from training.examples import Task

BANDS = (0.0, 0.5, 0.75, 1.01)
Pairs = list[tuple[LabelledQuery, QueryIntent]]


def read_answers(path: Path) -> dict[str, QueryIntent]:
    """Return the answers of ``path`` by query; lines with an error are left out."""
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    known = QueryIntent.model_fields
    told = [{name: line[name] for name in known if name in line} for line in lines if "error" not in line]
    return {answer.query: answer for answer in map(QueryIntent.model_validate, told)}


def roles_right(label: LabelledQuery, answer: QueryIntent) -> float:
    """Return F1 of the roles of one query, 1 where neither has any."""
    wanted, given = {*label.spans()}, {*answer.spans()}
    return 2 * len(wanted & given) / (len(wanted) + len(given)) if wanted or given else 1.0


def main(
    answers: Annotated[Path | None, typer.Argument(help="Answers of 'shelfwise intents --no-cache'.")] = None,
    split: Annotated[Literal["dev", "test"], typer.Option(help="Queries that were asked.")] = "dev",
    write_queries: Annotated[Path | None, typer.Option(help="Write the queries to ask here, and stop.")] = None,
) -> None:
    """Print the tables."""
    rows = [example.labelled for example in load_examples(Task.INTENTS, split)]
    if write_queries:
        write_queries.write_text("".join(json.dumps({"query": row.query}) + "\n" for row in rows), encoding="utf-8")
        return
    if answers is None:
        raise typer.BadParameter("name the file of answers, or --write-queries.")
    found = read_answers(answers)
    pairs: Pairs = [(row, found[row.query]) for row in rows if row.query in found]
    paths = {category.path for category in Warehouse.open(load_settings()).categories()}
    roles, kinds = role_scores(pairs), role_scores_by_kind(pairs)
    categories, spelling = category_scores(pairs, paths), spelling_scores(pairs)
    table = Table("measure", "value", title=f"{len(pairs)} of {len(rows)} {split} queries, as typed")
    table.add_row("roles: precision, recall, F1", ", ".join(map(shown, (roles.precision, roles.recall, roles.f1))))
    table.add_row("roles F1 by kind", ", ".join(f"{kind} {shown(kinds[kind].f1)}" for kind in kinds))
    table.add_row("category precision@1", shown(categories.precision))
    table.add_row("category recall@3", shown(categories.recall))
    table.add_row("paths that do not exist", shown(categories.invalid))
    table.add_row("misspelt queries repaired", shown(spelling.fixed))
    table.add_row("well-spelt queries changed", shown(spelling.harmed))
    sources = Counter(answer.source for _, answer in pairs)
    table.add_row("answered by", ", ".join(f"{source} {count}" for source, count in sources.most_common()))
    for kind in REWRITE_KINDS:
        given = [bool(getattr(answer.rewrites, kind)) for row, answer in pairs if getattr(row.rewrites, kind)]
        table.add_row(f"given a {kind}", f"{sum(given)} of {len(given)} ({sum(given) / max(1, len(given)):.2f})")
    for low, high in pairwise(BANDS):
        band = [roles_right(row, answer) for row, answer in pairs if low <= answer.confidence < high]
        mean = f"{sum(band) / len(band):.2f} right" if band else "-"
        table.add_row(f"roles at confidence {low:.2f} to {min(high, 1):.2f}", f"{len(band)} queries, {mean}")
    Console(width=140).print(table)


if __name__ == "__main__":
    typer.run(main)
