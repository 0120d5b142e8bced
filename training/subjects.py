"""What a request to the teacher is about: enough to check its answer and to turn it into rows."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, Field, TypeAdapter

from state.answers import design_schema, keyword_schema
from state.answers_judge import PageAnswers, PlacementAnswers
from state.placement import Placement
from state.vocabulary import Vocabulary
from training.examples import (
    DesignExample,
    Example,
    JudgeExample,
    KeywordExample,
    RelevanceExample,
    Task,
    ThemeLabel,
)
from training.intent_subjects import IntentSubject
from training.relevance_answer import ShownProduct, relevance_schema
from training.subject_base import SubjectBase, UnknownChoice


class DesignSubject(SubjectBase):
    """A page design for one shopper."""

    named: ClassVar[str] = "design"

    task: Literal[Task.DESIGN] = Task.DESIGN
    shopper_id: str
    themes: int

    @property
    def key(self) -> str:
        return self.shopper_id

    def schema_of_answer(self) -> type[BaseModel]:
        return design_schema(self.themes)

    def examples(self, answer: Any) -> list[Example]:
        themes = [ThemeLabel.model_validate(theme.model_dump()) for theme in answer.themes]
        return [DesignExample(shopper_id=self.shopper_id, persona=answer.persona, themes=themes)]


class KeywordsSubject(SubjectBase):
    """The choice of keywords for one theme out of ``vocabulary``."""

    named: ClassVar[str] = "keywords"

    task: Literal[Task.KEYWORDS] = Task.KEYWORDS
    theme: ThemeLabel
    vocabulary: Vocabulary

    @property
    def key(self) -> str:
        return self.theme.id

    def schema_of_answer(self) -> type[BaseModel]:
        return keyword_schema(self.vocabulary.keywords, self.vocabulary.categories, self.vocabulary.filters)

    def examples(self, answer: Any) -> list[Example]:
        return [
            KeywordExample(
                **_of_theme(self.theme),
                candidates=self.vocabulary.keywords,
                categories=self.vocabulary.categories,
                filters=self.vocabulary.filters,
                chosen_keywords=list(dict.fromkeys(answer.keywords)),
                chosen_categories=list(dict.fromkeys(answer.categories)),
                chosen_filters=list(dict.fromkeys(answer.filters)),
            )
        ]


class RelevanceSubject(SubjectBase):
    """Labels for the products of one theme."""

    named: ClassVar[str] = "relevance"

    task: Literal[Task.RELEVANCE] = Task.RELEVANCE
    theme: ThemeLabel
    products: list[ShownProduct]

    @property
    def key(self) -> str:
        return self.theme.id

    def schema_of_answer(self) -> type[BaseModel]:
        return relevance_schema([product.id for product in self.products])

    def examples(self, answer: Any) -> list[Example]:
        counts = Counter(label.product_id for label in answer.labels)
        if twice := sorted(product_id for product_id, count in counts.items() if count > 1):
            raise UnknownChoice(f"products labelled twice: {', '.join(twice)}")
        return [
            RelevanceExample(**_of_theme(self.theme), product_id=label.product_id, label=label.label)
            for label in answer.labels
        ]


class JudgeSubject(SubjectBase):
    """The judge's questions on a page (``placement_id`` None) or on its one placement."""

    named: ClassVar[str] = "judge"

    task: Literal[Task.JUDGE] = Task.JUDGE
    shopper_id: str
    placement_id: str | None = None
    placements: list[Placement]
    min_products: int = 3

    @property
    def key(self) -> str:
        return f"{self.placement_id}" if self.placement_id else f"{self.shopper_id}-page"

    def schema_of_answer(self) -> type[BaseModel]:
        return PageAnswers if self.placement_id is None else PlacementAnswers

    def examples(self, answer: Any) -> list[Example]:
        return [
            JudgeExample(
                shopper_id=self.shopper_id,
                placement_id=self.placement_id,
                placements=self.placements,
                min_products=self.min_products,
                answers=answer,
            )
        ]


Subject = DesignSubject | KeywordsSubject | RelevanceSubject | JudgeSubject | IntentSubject
_SUBJECTS: TypeAdapter[Subject] = TypeAdapter(Annotated[Subject, Field(discriminator="task")])


def parse_subject(record: Any) -> Subject:
    """Return the subject that ``record`` (decoded JSON) holds.

    Raises:
        pydantic.ValidationError: it holds none.
    """
    return _SUBJECTS.validate_python(record)


def _of_theme(theme: ThemeLabel) -> dict[str, Any]:
    return {
        "theme_id": theme.id,
        "title": theme.title,
        "need": theme.need,
        "rationale": theme.rationale,
        "concepts": theme.concepts,
    }
