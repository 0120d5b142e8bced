"""A second, blind labelling of the queries kept for measuring: how far two readings of one labeller agree."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from state.intent import Roles, Text
from tools.labelled_queries import query_key
from training.datasets import DATA_DIR, read_models, verified

SECOND_LABELS = "second_labels.jsonl.gz"


class SecondLabel(Roles):
    """The roles and categories of a query, given without sight of the first ones."""

    query: Text
    categories: list[str] = Field(default_factory=list)


def load_second_labels() -> Mapping[str, SecondLabel]:
    """Return the second labels of the queries of dev and test by query (case and spacing do not matter).

    Raises:
        DatasetError: the file is not the one that was shipped.
    """
    rows = read_models(verified(DATA_DIR / SECOND_LABELS), SecondLabel)
    return {query_key(row.query): row for row in rows}
