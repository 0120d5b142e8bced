"""``shelfwise relevance``: how probably products fit themes, pair by pair, from file to file."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Protocol

import typer
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from rich.markup import escape

from cli.console import EXIT_ERROR, err, progress
from state.catalog import Product
from state.guard import PairScorer
from state.relevance import product_text, theme_text
from state.settings import load_settings

CHUNK = 1024
EXIT_SOME = 1
_TEXTS = {"title", "rationale", "concepts"}


class AskedPair(BaseModel):
    """A line of the input. Fields that are not named here are ids of the caller and come back as they are."""

    model_config = ConfigDict(extra="allow", coerce_numbers_to_str=True)

    title: str = Field(min_length=1)
    rationale: str = ""
    concepts: list[str] = Field(default_factory=list)
    product_id: str = Field(min_length=1)


class _Catalog(Protocol):
    def products(self, ids: Sequence[str]) -> dict[str, Product]: ...


app = typer.Typer()


@app.command()
def relevance(
    in_: Annotated[Path, typer.Option("--in", exists=True, dir_okay=False, help="Pairs, one JSON object a line.")],
    out: Annotated[Path, typer.Option(dir_okay=False, help="Where the answers go, one a line, in the same order.")],
    threshold: Annotated[
        float | None, typer.Option(min=0, max=1, help="A product fits from here on; without it, as calibrated.")
    ] = None,
) -> None:
    """Score how probably products fit themes.

    A line of --in holds title, concepts, product_id (of the catalogue in use) and rationale, which is not read: it
    tells why a shopper is shown the theme, not what belongs to it. Other fields come back as they are. A line of --out
    adds probability, threshold and fits; a pair that cannot be scored has "error" in their place.

    Exit code: 0 all scored, 1 some lines have an error, 2 none could be scored.
    """
    from catalog.warehouse import Warehouse
    from engines.embedder import load_embedder
    from tools.known_vectors import knowing_products
    from tools.pair_scorer import load_scorer
    from training.datasets import first_fault, read_lines, write_whole

    settings = load_settings()
    warehouse = Warehouse.open(settings)
    scorer = load_scorer(settings, knowing_products(settings, warehouse, load_embedder(settings)))
    limit = threshold if threshold is not None else scorer.threshold
    if limit is None:
        raise typer.BadParameter(f"no threshold was calibrated for {scorer.name}: give one", param_hint="--threshold")
    lines, problems = read_lines(in_)
    answers: dict[int, dict[str, Any]] = {
        problem.line: {"line": problem.line, "error": f"{problem.reason}: {problem.detail}"} for problem in problems
    }
    asked: dict[int, AskedPair] = {}
    for line in lines:
        try:
            asked[line.number] = AskedPair.model_validate(line.record)
        except ValidationError as error:
            answers[line.number] = {**_ids(line.record), "line": line.number, "error": first_fault(error)}
    with progress(len(asked), "scoring") as (bar, task):
        answers |= score_pairs(asked, warehouse, scorer, limit, lambda count: bar.advance(task, count))
    text = "".join(json.dumps(answers[number], ensure_ascii=False) + "\n" for number in sorted(answers))
    write_whole(out, text.encode())
    _report(list(answers.values()), out)


def score_pairs(
    asked: dict[int, AskedPair],
    catalog: _Catalog,
    scorer: PairScorer,
    threshold: float,
    advance: Callable[[int], None] = lambda count: None,
) -> dict[int, dict[str, Any]]:
    """Return the answer to each pair by its line: ids with probability, threshold and fits, or with an error."""
    numbers, answers = list(asked), {}
    for start in range(0, len(numbers), CHUNK):
        part = {number: asked[number] for number in numbers[start : start + CHUNK]}
        products = catalog.products(sorted({pair.product_id for pair in part.values()}))
        known = {number: pair for number, pair in part.items() if pair.product_id in products}
        texts = [
            (theme_text(pair.title, pair.concepts), product_text(found.name, found.aisle))
            for pair in known.values()
            for found in (products[pair.product_id],)
        ]
        scores = dict(zip(known, scorer.score(texts).tolist(), strict=True)) if texts else {}
        for number, pair in part.items():
            ids = _ids(pair.model_dump())
            if number not in scores:
                answers[number] = {**ids, "error": f"unknown product: {pair.product_id}"}
                continue
            probability = round(scores[number], 6)
            answers[number] = {
                **ids,
                "probability": probability,
                "threshold": threshold,
                "fits": probability >= threshold,
            }
        advance(len(part))
    return answers


def _ids(record: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name not in _TEXTS}


def _report(answers: list[dict[str, Any]], out: Path) -> None:
    """Print what became of the lines and end with the exit code that says it."""
    errors = Counter(str(answer["error"]).split(":")[0] for answer in answers if "error" in answer)
    failed = sum(errors.values())
    fits = sum(answer.get("fits", False) for answer in answers)
    err.print(f"{len(answers) - failed} pairs scored, {fits} fit: {out}", highlight=False)
    for cause, count in errors.most_common():
        err.print(f"  {count} with an error: {escape(cause)}", highlight=False)
    if failed or not answers:
        raise typer.Exit(EXIT_ERROR if failed == len(answers) else EXIT_SOME)
