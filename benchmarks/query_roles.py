"""How well roles are told without a language model: ``python benchmarks/query_roles.py [--split test] [--write]``.

Every system answers the same corrected queries; a span is right if label and words are. Systems: the phrases of
labelled queries as a dictionary, the roles of the nearest labelled query where its words stand in this one, the
conditional random field that ships (``--write`` trains it on the labelled queries that ship, the training split), the
encoder that ships, and the two mixed. ``--models`` adds the language models: the base untuned, asked at length and in
few words, the student, and the likelier of student and mix, which is what the intent graph answers. The last row is a
second, blind labelling by the large model that labelled: as good as these labels let anything look.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.table import Table

from agents.query_parser import MAX_EXAMPLES, parse_query
from catalog.warehouse import Warehouse
from engines.chat import ChatClient
from engines.embedder import load_embedder
from engines.query_tagger import QueryTagger
from evaluation.intent_scores import role_scores, role_scores_by_kind, role_scores_by_label, shown
from graph.query_roles import likelier
from state.answers_intent import roles_of
from state.errors import AnswerRejected
from state.intent import LabelledQuery, Roles
from state.intent_state import QueryProposal
from state.query_context import QueryContext
from state.settings import RoleSettings, load_settings
from tools.brand_names import BrandNames
from tools.labelled_queries import LabelledQueries, query_key
from tools.mixed_roles import TAGGER_DIR, MixedRoles
from tools.products import ProductSearch
from tools.query_categories import QueryCategories
from tools.query_context import QueryContexts
from tools.query_roles import ROLES_FILE, CrfRoles
from training.datasets import load_examples
from training.examples import Task
from training.query_crf import train_crf
from training.second_labels import load_second_labels

Answer = Callable[[str], Roles]
LONGEST = 5


def dictionary_roles(labelled: LabelledQueries) -> Answer:
    """Return the baseline that looks phrases up: the longest known one at each place, under its usual label."""
    counts: dict[str, dict[str, int]] = {}
    for row in labelled.rows:
        for label, text in row.spans():
            told = counts.setdefault(text, {})
            told[label] = told.get(label, 0) + 1
    usual = {text: max(sorted(told), key=lambda label: told[label]) for text, told in counts.items()}

    def answer(query: str) -> Roles:
        words, at, found = query.split(), 0, []
        while at < len(words):
            sizes = [size for size in range(LONGEST, 0, -1) if " ".join(words[at : at + size]) in usual]
            if sizes:
                text = " ".join(words[at : at + sizes[0]])
                found.append(f"{usual[text]}: {text}")
            at += min(sizes[0], len(words) - at) if sizes else 1
        return roles_of(found)

    return answer


def nearest_roles(labelled: LabelledQueries) -> Answer:
    """Return the baseline that copies: roles of the nearest labelled query, those whose words stand in this one."""

    def answer(query: str) -> Roles:
        near = labelled.nearest(query, 1)
        spans = near[0].example.spans() if near else []
        return roles_of([f"{label}: {text}" for label, text in spans if f" {text} " in f" {query} "])

    return answer


def systems() -> list[tuple[str, Answer]]:
    """Return what is compared: ``(name, answer)``, an answer taking a corrected query."""
    settings = load_settings()
    embedder = load_embedder(settings)
    labelled = LabelledQueries.open(settings, embedder)
    tagger = CrfRoles.open(ROLES_FILE, Warehouse.open(settings), labelled.rows, labelled.known_vectors)
    encoder = QueryTagger.load(TAGGER_DIR)
    mixed = mixed_roles(tagger)
    return [
        ("dictionary", dictionary_roles(labelled)),
        ("nearest query", nearest_roles(labelled)),
        ("dictionary + CRF", lambda query: tagger.roles(query)[0]),
        ("encoder", lambda query: MixedRoles(tagger, encoder, encoder.card.tags, 1.0).roles(query)[0]),
        ("CRF and encoder", lambda query: mixed.roles(query)[0]),
    ]


def mixed_roles(field: CrfRoles) -> MixedRoles:
    """Return the taggers that ship, mixed as the intent graph mixes them."""
    encoder = QueryTagger.load(TAGGER_DIR)
    return MixedRoles(field, encoder, encoder.card.tags, encoder.card.share)


def second_labelling(rows: Sequence[LabelledQuery]) -> Answer:
    """Return the second labels of ``rows``, by corrected query."""
    labels = load_second_labels()
    by_corrected = {row.corrected: labels[query_key(row.query)] for row in rows}
    return by_corrected.__getitem__


class Models:
    """Language models as the intent graph asks them for roles, one query at a time."""

    def __init__(self) -> None:
        settings = load_settings()
        warehouse, embedder = Warehouse.open(settings), load_embedder(settings)
        self._settings = settings
        self._labelled = LabelledQueries.open(settings, embedder)
        products, orders = ProductSearch.open(settings, warehouse, embedder), warehouse.product_order_counts()
        self._categories = QueryCategories(warehouse.categories(), orders, products, self._labelled, embedder)
        names = [product.name for product in warehouse.all_products()]
        brands = BrandNames([row.brand for row in self._labelled.rows if row.brand], names, embedder)
        self._contexts = QueryContexts(self._labelled, self._categories, products, brands, orders)
        field = CrfRoles.open(ROLES_FILE, warehouse, self._labelled.rows, self._labelled.known_vectors)
        self._without = mixed_roles(field)

    def systems(self) -> list[tuple[str, Answer]]:
        """Return the models by name."""
        student = self._settings.roles["query_parser"]
        base = student.model_copy(update={"adapter": None, "max_tokens": 200})
        untuned, tuned = self._chat(base), self._chat(student)
        return [
            ("untuned, few-shot prompt", lambda query: self._ask(untuned, query, self._contexts.of(query)).roles),
            ("untuned, compact prompt", lambda query: self._ask(untuned, query).roles),
            ("student", lambda query: self._ask(tuned, query).roles),
            ("likelier of student and mix", lambda query: self._likelier(tuned, query)),
        ]  # type: ignore[list-item]

    def _chat(self, role: RoleSettings) -> ChatClient:
        settings = self._settings.model_copy(deep=True)
        settings.roles["query_parser"] = role
        return ChatClient(settings)

    def _ask(self, chat: ChatClient, query: str, context: QueryContext | None = None) -> QueryProposal:
        near = [found.example for found in self._labelled.nearest(query, MAX_EXAMPLES)]
        aisle = self._categories.candidates(query)[0].category.aisle
        try:
            roles, answer = asyncio.run(parse_query(chat, query, examples=near, aisle=aisle, context=context))
        except AnswerRejected:
            return QueryProposal(part="roles", roles=Roles())
        return QueryProposal(part="roles", roles=roles, logprob=answer.logprob)

    def _likelier(self, chat: ChatClient, query: str) -> Roles:
        return likelier(self._without.roles(query), self._ask(chat, query))[0]


def main(
    split: Annotated[Literal["dev", "test"], typer.Option(help="Queries to measure on.")] = "dev",
    write: Annotated[bool, typer.Option("--write", help="Train and record the CRF.")] = False,
    models: Annotated[bool, typer.Option("--models", help="Measure the language models too (minutes).")] = False,
) -> None:
    """Train if asked, measure and print."""
    settings, console = load_settings(), Console(width=170)
    if write:
        embedder = load_embedder(settings)
        labelled = LabelledQueries.open(settings, embedder)
        train_crf(labelled.rows, ROLES_FILE, Warehouse.open(settings), labelled.known_vectors)
    held_out = [example.labelled for example in load_examples(Task.INTENTS, split)]
    table = Table(
        "roles by", "precision", "recall", "F1", "F1 of words alone", "head", "torso", "tail", "ms, median", title=split
    )
    compared = [*systems(), *(Models().systems() if models else []), ("second labelling", second_labelling(held_out))]
    labels = Table("label", "spans", *(name for name, _ in compared), title=f"{split}: F1 by label")
    by_label = []
    for name, answer in compared:
        pairs, took = _answers(answer, held_out)
        found, kinds = role_scores(pairs), role_scores_by_kind(pairs)
        words = role_scores(pairs, boundaries=True)
        cells = [shown(part) for part in (found.precision, found.recall, found.f1, words.f1)]
        table.add_row(name, *cells, *(shown(kinds[kind].f1) for kind in kinds), f"{took:.1f}")
        by_label.append(role_scores_by_label(pairs))
    wanted = {label: scores.spans for found in by_label for label, scores in found.items()}
    for label, spans in sorted(wanted.items(), key=lambda item: -item[1]):
        cells = [f"{found[label].f1.estimate:.3f}" if label in found else "-" for found in by_label]
        labels.add_row(label, str(spans), *cells)
    console.print(table)
    console.print(labels)
    console.print(f"n = {len(held_out)} queries")


def _answers(answer: Answer, rows: list[LabelledQuery]) -> tuple[list[tuple[LabelledQuery, Roles]], float]:
    """Return the answers to ``rows`` and the median of the milliseconds that they took."""
    pairs, took = [], []
    for row in rows:
        start = time.perf_counter()
        roles = answer(row.corrected)
        took.append(1000 * (time.perf_counter() - start))
        pairs.append((row, roles))
    return pairs, statistics.median(took)


if __name__ == "__main__":
    typer.run(main)
