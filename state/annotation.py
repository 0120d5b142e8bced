"""What people annotate: blind items, the questions on them, and the answers that they give."""

from __future__ import annotations

from typing import Final, Literal, get_args

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from state.answers_judge import PageQuestion, PlacementQuestion

Level = Literal["page", "placement"]
Question = Literal[PageQuestion, PlacementQuestion]
Given = Literal["yes", "no", "unsure"]
QUESTIONS: Final[dict[Level, tuple[str, ...]]] = {
    "page": get_args(PageQuestion),
    "placement": get_args(PlacementQuestion),
}
WORDING: Final[dict[str, str]] = {
    "cohesive": "do the themes belong together on one page for this shopper?",
    "diverse": "does each theme bring something that the others do not?",
    "covers_needs": "does the page serve more than one need (for example restocking and something new)?",
    "title_on_brand": "is the title well written, specific and without hype?",
    "fits_shopper": "does it fit what this shopper buys or prefers?",
    "enough_products": "are there enough products to be worth showing (at least {min_products}) and not all the same?",
    "products_match": "do the products match the title?",
}
"""The questions in the words of the judge's prompt: people and judge are asked the same."""
MARKED: Final = "products_match"
"""The question in whose answer single products may be marked as not fitting."""


class Annotation(BaseModel):
    """One answer of one person. ``unsure`` says that they looked and could not tell: it counts in no agreement.

    ``at`` is when it was given: of several answers of a person to a question on an item, the latest counts;
    ``withdrawn`` takes the earlier ones back, and ``undo`` marks an answer that takes back the one before.
    ``misfits`` are the places (from 0) of the products shown that do not fit, in answers to ``products_match`` alone.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    annotator: str = Field(min_length=1, max_length=60, pattern=r"^[\w.@ -]+$")
    item: str = Field(min_length=1)
    question: Question
    answer: Literal["yes", "no", "unsure", "withdrawn"]
    at: AwareDatetime
    comment: str = Field(default="", max_length=500)
    misfits: tuple[int, ...] = ()
    undo: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """What was answered: item and question."""
        return self.item, self.question

    @model_validator(mode="after")
    def _marks_are_places(self) -> Annotation:
        if self.misfits and self.question != MARKED:
            raise ValueError(f"misfits are marked in the answer to {MARKED} alone")
        if sorted({*self.misfits}) != [*self.misfits] or any(place < 0 for place in self.misfits):
            raise ValueError("misfits are distinct places from 0 on, in ascending order")
        return self


class ShownShopper(BaseModel):
    """What is shown of a shopper, as the judge sees it: names, most bought first; all empty for a new shopper."""

    model_config = ConfigDict(extra="forbid")

    bought: list[str] = Field(default_factory=list)
    aisles: list[str] = Field(default_factory=list)
    preferences: list[str] = Field(default_factory=list)


class ShownPlacement(BaseModel):
    """A placement in the words that a shopper (and the judge) reads."""

    model_config = ConfigDict(extra="forbid")

    title: str
    need: str
    rationale: str
    products: list[str]


class Item(BaseModel):
    """What an annotator sees: a placement, or a page of placements, as the judge sees it.

    Nothing in it tells which configuration made it, what guards or the judge said, or its stratum: that is in the
    :class:`ItemKey` of the same id, in another file.
    """

    model_config = ConfigDict(extra="forbid")

    id: str
    level: Level
    shopper: ShownShopper
    placements: list[ShownPlacement] = Field(min_length=1)

    @property
    def questions(self) -> tuple[str, ...]:
        return QUESTIONS[self.level]

    @model_validator(mode="after")
    def _one_placement_is_one_placement(self) -> Item:
        if self.level == "placement" and len(self.placements) != 1:
            raise ValueError("an item about a placement shows exactly one")
        return self


class ItemKey(BaseModel):
    """Where an item comes from. ``weight`` is how many items of its stratum it stands for: figures over the sample
    that are to hold for all pages are weighed by it."""

    model_config = ConfigDict(extra="forbid")

    id: str
    shopper_id: str
    placement_id: str | None
    source: str = Field(description="the configuration that made the page")
    stratum: str
    weight: float = Field(gt=0)
