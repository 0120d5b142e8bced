"""What a teacher answers about relevance: a label for each product of one theme."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model

from agents.prompting import render
from state.llm import Message
from training.examples import ThemeLabel


class ShownProduct(BaseModel):
    """A product as the teacher sees it."""

    model_config = ConfigDict(extra="forbid", coerce_numbers_to_str=True)

    id: str
    name: str
    aisle: str


class ProductLabel(BaseModel):
    """Base of one label; :func:`relevance_schema` locks ``product_id`` to the products shown."""

    model_config = ConfigDict(extra="forbid")

    product_id: str
    label: Literal[0, 1, 2] = Field(description="2 fits, 1 marginal, 0 does not belong")


class RelevanceAnswer(BaseModel):
    """Base of the answer about one theme."""

    model_config = ConfigDict(extra="forbid")

    labels: list[ProductLabel]


def relevance_schema(product_ids: Sequence[str]) -> type[RelevanceAnswer]:
    """Return an answer schema with one label for each of ``product_ids``."""
    ids: Any = Literal[tuple(product_ids)]
    label = create_model("LabelOfProduct", __base__=ProductLabel, product_id=(ids, ...))
    labels = Annotated[list[label], Field(min_length=len(product_ids), max_length=len(product_ids))]  # type: ignore[valid-type]
    return create_model("RelevanceLabels", __base__=RelevanceAnswer, labels=(labels, ...))


def relevance_messages(theme: ThemeLabel, products: Sequence[ShownProduct]) -> list[Message]:
    """Return what the teacher is asked about the products of one theme."""
    return render("relevance", theme=theme, products=list(products))
