"""What the models are asked to answer: pydantic schemas, bounded so that constrained decoding can hold them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model

from state.placement import Need

TITLE_LENGTH = 60
GROUNDED_TITLE_LENGTH = 48
RATIONALE_LENGTH = 160
CONCEPT_LENGTH = 40
MAX_KEYWORDS = 8
MAX_CATEGORIES = 3
MAX_FILTERS = 2

Concept = Annotated[str, Field(min_length=2, max_length=CONCEPT_LENGTH)]


class ThemeAnswer(BaseModel):
    """One theme as the page designer writes it."""

    model_config = ConfigDict(extra="forbid")

    title: str = Field(min_length=3, max_length=TITLE_LENGTH, description="3 to 8 words, no brand")
    need: Need
    rationale: str = Field(max_length=RATIONALE_LENGTH, description="one sentence, from the shopper's history")
    concepts: list[Concept] = Field(min_length=3, max_length=8, description="short product ideas")


class DesignAnswer(BaseModel):
    """Base of the page designer's answer; :func:`design_schema` fixes the number of themes."""

    model_config = ConfigDict(extra="forbid")

    persona: str = Field(min_length=3, max_length=140, description="who shops here, in a few words")
    themes: list[ThemeAnswer]


class IdeaAnswer(BaseModel):
    """One theme without a rationale: that one is stated from the shopper's orders, so that none can be made up."""

    model_config = ConfigDict(extra="forbid")

    title: str = Field(min_length=3, max_length=TITLE_LENGTH, description="3 to 8 words, no brand")
    need: Need
    concepts: list[Concept] = Field(min_length=3, max_length=8, description="short product ideas")


class IdeasAnswer(BaseModel):
    """Base of a design without rationales; :func:`idea_schema` fixes the number of themes."""

    model_config = ConfigDict(extra="forbid")

    persona: str = Field(min_length=3, max_length=140, description="who shops here, in a few words")
    themes: list[IdeaAnswer]


class KeywordAnswer(BaseModel):
    """Base of the keyword writer's answer; :func:`keyword_schema` locks it to the retrieved vocabulary.

    Empty lists are the answer "none fits".
    """

    model_config = ConfigDict(extra="forbid")

    keywords: list[str]
    categories: list[str]
    filters: list[str]


def design_schema(themes: int) -> type[DesignAnswer]:
    """Return the answer schema for exactly ``themes`` themes."""
    field = Field(min_length=themes, max_length=themes, description="in page order, most useful first")
    return create_model("PageDesignAnswer", __base__=DesignAnswer, themes=(Annotated[list[ThemeAnswer], field], ...))


def idea_schema(themes: int) -> type[IdeasAnswer]:
    """Return the answer schema for exactly ``themes`` themes without rationales."""
    field = Field(min_length=themes, max_length=themes, description="in page order, most useful first")
    return create_model("PageIdeasAnswer", __base__=IdeasAnswer, themes=(Annotated[list[IdeaAnswer], field], ...))


class GroundedThemeAnswer(BaseModel):
    """Base of one theme of a grounded design; :func:`grounded_theme_schema` locks what it may choose from."""

    model_config = ConfigDict(extra="forbid")

    bought: list[str]
    concepts: list[str]
    title: str = Field(min_length=3, max_length=GROUNDED_TITLE_LENGTH, description="2 to 6 words")


def grounded_theme_schema(bought: Sequence[str], concepts: Sequence[str]) -> type[GroundedThemeAnswer]:
    """Return the answer schema of one theme: evidence out of ``bought``, concepts out of ``concepts``, title."""
    return create_model(
        "GroundedTheme",
        __base__=GroundedThemeAnswer,
        bought=(_distinct_choice(bought, 1, 2), ...),
        concepts=(_distinct_choice(concepts, min(3, len(concepts)), 6), ...),
    )


def _distinct_choice(options: Sequence[str], least: int, most: int) -> Any:
    # uniqueItems makes the embedded engine's grammar keep the order of the options and never repeat one.
    choice: Any = Literal[tuple(dict.fromkeys(options))]
    bounds = Field(min_length=least, max_length=most, json_schema_extra={"uniqueItems": True})
    return Annotated[list[choice], bounds]


def _choice(options: Sequence[str], most: int) -> Any:
    if not options:
        return Annotated[list[str], Field(max_length=0)]
    return _distinct_choice(options, 0, most)


def keyword_schema(keywords: Sequence[str], categories: Sequence[str], filters: Sequence[str]) -> type[KeywordAnswer]:
    """Return an answer schema in which only the given texts can be chosen; choosing none is always allowed."""
    return create_model(
        "KeywordChoice",
        __base__=KeywordAnswer,
        keywords=(_choice(keywords, MAX_KEYWORDS), ...),
        categories=(_choice(categories, MAX_CATEGORIES), ...),
        filters=(_choice(filters, MAX_FILTERS), ...),
    )
