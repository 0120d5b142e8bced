"""What is known of a query before a large model is asked: the context that full prompts show."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from state.intent import LabelledQuery


class QueryContext(BaseModel):
    """Evidence for one query, best first in every list. All of it is data from outside, and fenced in prompts.

    ``paths`` are the categories that the query converts to (the only ones that may be answered), ``brands`` brands
    that it may name, ``products`` popular products that it finds, ``clicked`` names of products that shoppers picked
    after like queries or in its aisles, ``similar`` labelled queries near to it, ``session`` the queries that the same
    shopper typed just before, oldest first.
    """

    model_config = ConfigDict(extra="forbid")

    paths: list[str] = Field(default_factory=list)
    brands: list[str] = Field(default_factory=list)
    products: list[str] = Field(default_factory=list)
    clicked: list[str] = Field(default_factory=list)
    similar: list[LabelledQuery] = Field(default_factory=list)
    session: list[str] = Field(default_factory=list)
