"""The gate's rules for labelled queries: labels that hold together, and no answer to a query kept for measuring."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from state.intent import REWRITE_KINDS
from tools.intent_entries import Taxonomy, fault_of
from tools.labelled_queries import own_keys, query_key
from training.examples import IntentExample
from training.gate_report import Drop


def query_drops(rows: Sequence[IntentExample], taxonomy: Taxonomy) -> Iterator[Drop]:
    """Yield the drops of training rows whose labels contradict each other, the catalogue, or answer a held-out query.

    Rows of dev and test stay as the teacher wrote them, so that what is measured on them stays comparable.
    """
    held_out = {key for row in rows if row.split != "train" for key in own_keys(row)}
    for row in rows:
        if row.split != "train":
            continue
        if fault := fault_of(row.labelled, taxonomy):
            yield _row(row, "labels do not hold", fault)
        elif not row.product and not row.brand and not row.attributes:
            yield _row(row, "no role", "neither product nor brand nor attribute")
        elif same := _same_rewrite(row):
            yield _row(row, "rewrite says nothing new", same)
        elif own_keys(row) & held_out:
            yield _row(row, "held-out query", "reads as a query of dev or test")


def _same_rewrite(row: IntentExample) -> str | None:
    for kind in REWRITE_KINDS:
        texts = [query_key(text) for text in getattr(row.rewrites, kind)]
        if repeated := [text for text in texts if text in own_keys(row) or texts.count(text) > 1]:
            return f"{kind}: {repeated[0]}"
    return None


def _row(row: IntentExample, rule: str, reason: str) -> Drop:
    return Drop(part="row", key=row.key, split=row.split, rule=rule, reason=reason)
