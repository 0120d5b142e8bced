"""Bodies of the annotation page's requests and answers. No answer holds what another annotator said."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from state.annotation import Given, Item, Question

AnnotatorName = Annotated[str, Field(min_length=1, max_length=40)]


class AskedQuestion(BaseModel):
    """A question and its wording; ``marks``: single products may be marked as not fitting."""

    name: str
    text: str
    marks: bool


class Progress(BaseModel):
    """How many of all questions one annotator has answered."""

    annotator: str
    answered: int
    total: int


class Overview(BaseModel):
    """What is asked, and of whom."""

    items: int
    questions: list[AskedQuestion]
    annotators: list[Progress]


class Mine(BaseModel):
    """Where an annotator stands: questions answered of each item in order, and the item to go on with."""

    progress: Progress
    answered: list[int]
    resume: int


class MyAnswer(BaseModel):
    answer: Given
    comment: str
    misfits: list[int]


class ShownItem(BaseModel):
    """An item with the annotator's own answers by question."""

    number: int
    item: Item
    answers: dict[str, MyAnswer]


class NewAnswer(BaseModel):
    model_config = ConfigDict(extra="forbid")

    item: str = Field(min_length=1, max_length=40)
    question: Question
    answer: Given
    comment: str = Field(default="", max_length=500)
    misfits: list[Annotated[int, Field(ge=0, lt=100)]] = Field(default_factory=list, max_length=100)


class Undone(BaseModel):
    """What was taken back (None: nothing was left to take back) and where it is."""

    number: int | None = None
    question: str | None = None
