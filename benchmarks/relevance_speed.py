"""What relevance scores cost: ``python benchmarks/relevance_speed.py --split test``.

Speed: the same pairs through each form of the network, through embedding similarity and through the mix, in one run.
Cost: an LLM labels a sample of the same pairs with the teacher's prompt. ``--run`` is the folder that ``shelfwise train
relevance`` left below <home>/training; without it only what ships is measured.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from catalog.warehouse import Warehouse
from engines.cross_encoder import CrossEncoderScorer, load_cross_encoder
from engines.embedder import load_embedder
from engines.scorer import EmbeddingSimilarityScorer
from state.settings import Settings, load_settings
from tools.known_vectors import knowing_products
from tools.mixed_scorer import load_mixed_scorer
from training.relevance_pairs import LabelledPair, labelled_pairs
from training.splits import Split


def main(
    split: Annotated[str, typer.Option(help="dev or test: the pairs are timed, no label is compared.")] = "test",
    run: Annotated[Path | None, typer.Option(exists=True, file_okay=False, help="Folder of a training run.")] = None,
    speed_pairs: Annotated[int, typer.Option(help="Pairs of the speed table, 0 for none.")] = 1024,
    judged: Annotated[int, typer.Option(help="Pairs that the LLM labels, 0 for none.")] = 30,
) -> None:
    """Print the tables."""
    if split not in ("dev", "test"):
        raise typer.BadParameter("split is dev or test")
    of: Split = "dev" if split == "dev" else "test"
    console, settings = Console(width=150), load_settings()
    warehouse = Warehouse.open(settings)
    pairs, shipped = labelled_pairs(of, warehouse), load_cross_encoder(settings.scorer.path, settings.threads)
    if speed_pairs:
        console.print(_speed(settings, warehouse, shipped, run, pairs[:speed_pairs]))
    if judged:
        console.print(asyncio.run(_cost(settings, warehouse, pairs, judged)))


def _speed(
    settings: Settings,
    warehouse: Warehouse,
    shipped: CrossEncoderScorer,
    run: Path | None,
    pairs: Sequence[LabelledPair],
) -> Table:
    """Return pairs a second of each form, fastest of three passes, tokenising included."""
    forms: dict[str, Callable[[], object]] = {}
    texts = [pair.texts for pair in pairs]
    if run:
        forms |= _torch_forms(run, pairs)
    embedder = load_embedder(settings)
    similarity = EmbeddingSimilarityScorer(embedder)
    forms["embedding similarity, nothing cached"] = lambda: similarity.score(texts)
    forms["cross-encoder int8, shipped"] = lambda: shipped.score(texts)
    mixes = {
        "mix, nothing cached": load_mixed_scorer(settings.scorer.path, embedder, settings.threads),
        "mix, products known": load_mixed_scorer(
            settings.scorer.path, knowing_products(settings, warehouse, embedder), settings.threads
        ),
    }
    for name, mix in mixes.items():
        forms[name] = lambda mix=mix: mix.score(texts)  # type: ignore[misc]
    seconds: dict[str, float] = {}
    for _ in range(3):
        for name, form in forms.items():
            started = time.perf_counter()
            form()
            seconds[name] = min(seconds.get(name, np.inf), time.perf_counter() - started)
    alone = seconds["cross-encoder int8, shipped"]
    table = Table("form", "pairs/s", "x cross-encoder", title=f"speed: {len(pairs)} pairs, fastest of 3 passes")
    for name, took in seconds.items():
        table.add_row(name, f"{len(pairs) / took:,.0f}", f"{alone / took:.2f}")
    return table


def _torch_forms(run: Path, pairs: Sequence[LabelledPair]) -> dict[str, Callable[[], object]]:
    from tokenizers import Tokenizer
    from transformers import DebertaV2ForSequenceClassification

    from training.relevance_export import answers_of, quantised, to_openvino
    from training.relevance_fit import encode, logits_of
    from training.relevance_lean import LeanDeberta, LogitsOf

    tokenizer = Tokenizer.from_file(str(run / "tokenizer.json"))
    data = encode(tokenizer, [pair.texts for pair in pairs], [0.0] * len(pairs), 96)
    model = DebertaV2ForSequenceClassification.from_pretrained(run / "deberta")
    library, lean = LogitsOf(model), LeanDeberta(model, 96)
    plain = to_openvino(lean)
    weights = quantised(plain, data, "int8-weights")
    return {
        "torch fp32, the library's forward": lambda: logits_of(library, data),
        "torch fp32, lean forward": lambda: logits_of(lean, data),
        "OpenVINO fp32": lambda: answers_of(plain, data),
        "OpenVINO int8 weights": lambda: answers_of(weights, data),
    }


async def _cost(settings: Settings, warehouse: Warehouse, pairs: Sequence[LabelledPair], count: int) -> Table:
    """Return what 1,000 pairs take by LLM (the judge role, teacher's prompt, one request a theme) and by the mix."""
    from engines.chat import ChatClient
    from state.errors import AnswerRejected
    from training.relevance_answer import ShownProduct, relevance_messages, relevance_schema

    sample = pairs[:count]
    by_theme: dict[str, list[LabelledPair]] = {}
    for pair in sample:
        by_theme.setdefault(pair.theme.id, []).append(pair)
    chat, tokens, unread = ChatClient(settings), 0, 0
    started = time.perf_counter()
    right = 0
    for group in by_theme.values():
        shown = [ShownProduct(id=p.product.id, name=p.product.name, aisle=p.product.aisle) for p in group]
        schema = relevance_schema([product.id for product in shown])
        try:
            answer = await chat.ask("judge", relevance_messages(group[0].theme, shown), schema, phase="benchmark")
        except AnswerRejected:
            unread += len(group)
            continue
        tokens += answer.usage.tokens_in + answer.usage.tokens_out
        told = {label.product_id: label.label for label in answer.value.labels}
        right += sum(told.get(pair.product.id) == pair.label for pair in group)
    llm = time.perf_counter() - started
    embedder = knowing_products(settings, warehouse, load_embedder(settings))
    mix = load_mixed_scorer(settings.scorer.path, embedder, settings.threads)
    texts = [pair.texts for pair in pairs[:1024]]
    mix.score(texts)
    started = time.perf_counter()
    mix.score(texts)
    model = (time.perf_counter() - started) * 1000 / len(texts)
    per_thousand = 1000 / count
    table = Table("", "seconds", "LLM tokens", "less", title=f"1,000 pairs, from {count} pairs in one run")
    name = settings.roles["judge"].model
    table.add_row(
        f"{name} ({right} of {count} labels right, {unread} unread)",
        f"{llm * per_thousand:,.0f}",
        f"{tokens * per_thousand:,.0f}",
        "",
    )
    table.add_row("mix, shipped", f"{model:.2f}", "0", f"{1 - model / (llm * per_thousand):.2%}")
    return table


if __name__ == "__main__":
    typer.run(main)
