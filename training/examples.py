"""The rows of data sets: one labelled example of each task, as the teacher's answers and the files hold it."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, field_serializer, field_validator, model_validator

from state.answers_judge import PageAnswers, PlacementAnswers
from state.intent import Attribute, LabelledQuery, Rewrites
from state.placement import Need, Placement, Theme
from training.splits import Split, query_split, shopper_of, shopper_split, theme_split


class Task(StrEnum):
    """What the teacher is asked to do; each has one kind of row."""

    DESIGN = "design"
    KEYWORDS = "keywords"
    RELEVANCE = "relevance"
    JUDGE = "judge"
    INTENTS = "intents"


Text = Annotated[str, Field(min_length=1)]


class Example(BaseModel):
    """Base of all rows. ``gate`` is the version of the quality gate that let the row through, None before it."""

    model_config = ConfigDict(extra="forbid", coerce_numbers_to_str=True)

    task: ClassVar[Task]
    gate: str | None = None

    @property
    def key(self) -> str:
        """What the row is about; one data set holds a key once."""
        raise AssertionError("each row defines it")

    @property
    def split(self) -> Split:
        raise AssertionError("each row defines it")


class ThemeLabel(BaseModel):
    """A theme as the designer is asked to write it. ``id`` is ``<shopper>-<position in the teacher's answer>``."""

    model_config = ConfigDict(extra="forbid", coerce_numbers_to_str=True)

    id: str = Field(default="", validation_alias=AliasChoices("id", "theme_id"))
    title: Text
    need: Need
    rationale: str
    concepts: list[Text] = Field(min_length=1)

    def as_placement(self) -> Placement:
        """Return the theme as the placement that prompts and guards know, without products."""
        position = int(self.id.rpartition("-")[2])
        return Placement.of_theme(
            Theme(
                id=self.id,
                position=position,
                title=self.title,
                need=self.need,
                rationale=self.rationale,
                concepts=self.concepts,
            )
        )


class DesignExample(Example):
    """A page design for one shopper: persona and themes in page order."""

    task: ClassVar[Task] = Task.DESIGN

    shopper_id: Text = Field(validation_alias=AliasChoices("shopper_id", "user_id"))
    persona: Text
    preferences: list[str] = Field(default_factory=list)
    themes: list[ThemeLabel] = Field(min_length=1)

    @model_validator(mode="after")
    def _themes_have_ids(self) -> Self:
        for position, theme in enumerate(self.themes):
            theme.id = theme.id or f"{self.shopper_id}-{position}"
            if shopper_of(theme.id) != self.shopper_id:
                raise ValueError(f"theme {theme.id} is not of shopper {self.shopper_id}")
        if len({theme.id for theme in self.themes}) < len(self.themes):
            raise ValueError("two themes have the same id")
        return self

    @property
    def key(self) -> str:
        return self.shopper_id

    @property
    def split(self) -> Split:
        return shopper_split(self.shopper_id)


class ThemedExample(Example):
    """Base of rows about a theme."""

    theme_id: Text
    title: Text
    need: Need
    rationale: str
    concepts: list[Text] = Field(min_length=1)

    @field_validator("theme_id")
    @classmethod
    def _names_its_shopper(cls, theme_id: str) -> str:
        shopper_of(theme_id)
        return theme_id

    @property
    def theme(self) -> ThemeLabel:
        return ThemeLabel(
            id=self.theme_id, title=self.title, need=self.need, rationale=self.rationale, concepts=self.concepts
        )

    @property
    def key(self) -> str:
        return self.theme_id

    @property
    def split(self) -> Split:
        return theme_split(self.theme_id)


class KeywordExample(ThemedExample):
    """What was chosen for a theme, best first, out of what was offered. Nothing chosen means that nothing fits."""

    task: ClassVar[Task] = Task.KEYWORDS

    candidates: list[Text]
    categories: list[Text]
    filters: list[Text] = Field(default_factory=list)
    chosen_keywords: list[Text]
    chosen_categories: list[Text]
    chosen_filters: list[Text] = Field(default_factory=list)


class RelevanceExample(ThemedExample):
    """How well a product fits a theme: 2 fits, 1 is marginal, 0 does not belong."""

    task: ClassVar[Task] = Task.RELEVANCE

    product_id: Text
    label: Literal[0, 1, 2]

    @property
    def key(self) -> str:
        return f"{self.theme_id}/{self.product_id}"


class JudgeExample(Example):
    """The judge's answers on a page (``placement_id`` None) or on its one placement, with what was shown."""

    task: ClassVar[Task] = Task.JUDGE

    shopper_id: Text
    placement_id: str | None = None
    placements: list[Placement] = Field(min_length=1)
    min_products: int = Field(default=3, ge=1)
    answers: PageAnswers | PlacementAnswers

    @model_validator(mode="after")
    def _answers_belong_to_what_was_asked(self) -> Self:
        asked: type[BaseModel] = PageAnswers if self.placement_id is None else PlacementAnswers
        if not isinstance(self.answers, asked):
            raise ValueError(f"{'a page' if self.placement_id is None else 'a placement'} needs {asked.__name__}")
        return self

    @property
    def key(self) -> str:
        return f"{self.shopper_id}/{self.placement_id or 'page'}"

    @property
    def split(self) -> Split:
        return shopper_split(self.shopper_id)


class IntentExample(Example):
    """What a typed query asks for. ``train_only``: written to learn from, never measured on, whatever its hash."""

    task: ClassVar[Task] = Task.INTENTS

    query: Text
    corrected: Text
    kind: Literal["head", "torso", "tail"]
    product: str | None
    brand: str | None
    attributes: list[Attribute]
    categories: list[str]
    rewrites: Rewrites
    train_only: bool = False

    @field_serializer("rewrites")
    def _every_kind(self, rewrites: Rewrites) -> dict[str, list[str]]:
        """Write the kinds without a rewrite too: files hold what was asked."""
        return {"synonym": rewrites.synonym, "broader": rewrites.broader, "substitute": rewrites.substitute}

    @property
    def labelled(self) -> LabelledQuery:
        """The row as the intent graph knows it."""
        return LabelledQuery.model_validate(self.model_dump(exclude={"gate", "train_only"}))

    @property
    def key(self) -> str:
        return " ".join(self.query.casefold().split())

    @property
    def split(self) -> Split:
        return "train" if self.train_only else query_split(self.query)


EXAMPLES: dict[Task, type[Example]] = {
    kind.task: kind for kind in (DesignExample, KeywordExample, RelevanceExample, JudgeExample, IntentExample)
}


def parse_example(task: Task, record: Any) -> Example:
    """Return the row of ``task`` that ``record`` (decoded JSON) holds.

    Raises:
        pydantic.ValidationError: it is no such row.
    """
    return EXAMPLES[task].model_validate(record)
