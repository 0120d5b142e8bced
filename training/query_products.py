"""Which products are what a query asks for: the teacher's judgements of what searches found for labelled queries."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated

from pydantic import BaseModel, ConfigDict
from pydantic.types import StringConstraints

from tools.labelled_queries import query_key
from training.datasets import DATA_DIR, read_models, verified
from training.splits import Split

QUERY_PRODUCTS = "query_products.jsonl.gz"
ASKED_FOR, CLOSE, OTHER = 2, 1, 0
Id = Annotated[str, StringConstraints(min_length=1)]


class JudgedQuery(BaseModel):
    """Products that were judged for one query (as corrected), by grade: asked for, close to it, something else."""

    model_config = ConfigDict(extra="forbid")

    query: Id
    split: Split
    asked_for: list[Id]
    close: list[Id]
    other: list[Id]

    @property
    def grades(self) -> dict[str, int]:
        """Return the grade of each product that was judged: 2, 1 or 0."""
        groups = {ASKED_FOR: self.asked_for, CLOSE: self.close, OTHER: self.other}
        return {product: grade for grade, products in groups.items() for product in products}


def load_query_products(split: Split) -> Mapping[str, JudgedQuery]:
    """Return the shipped judgements of one split by query (case and spacing do not matter).

    Raises:
        DatasetError: the file is not the one that was shipped.
    """
    return {query_key(row.query): row for row in _shipped() if row.split == split}


@lru_cache(maxsize=1)
def _shipped() -> tuple[JudgedQuery, ...]:
    return tuple(read_models(verified(DATA_DIR / QUERY_PRODUCTS), JudgedQuery))
