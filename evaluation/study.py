"""A study: the folder with a sample of items, who is to annotate them, and what they answered so far."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Annotated, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, field_validator

from evaluation.annotations import append_annotation, merge, read_annotations
from evaluation.sampling import ItemSource, read_rows, write_rows
from state.annotation import MARKED, Annotation, Given, Item, ItemKey, Level
from state.errors import AnnotationError

CARD, ITEMS, KEYS, SOURCES, ANSWERS = "study.json", "items.jsonl", "keys.jsonl", "sources.jsonl", "answers"
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,39}$")]
"""A name of an annotator names a file too: letters, digits, dot, dash and underscore, none of the last three first."""


class StudyCard(BaseModel):
    """What a study is. ``items_sha256`` holds answers to the very items that were drawn."""

    model_config = ConfigDict(extra="forbid")

    level: Level
    annotators: list[Name] = Field(min_length=1)
    min_products: int = Field(ge=1)
    drawn_from: str
    seed: int
    created_at: AwareDatetime
    items_sha256: str

    @field_validator("annotators")
    @classmethod
    def _told_apart(cls, names: list[str]) -> list[str]:
        if len({name.casefold() for name in names}) < len(names):
            raise ValueError("two annotators have the same name")
        return names


class Study:
    """An opened study. Answers are read from the disk each time, so that several processes may serve it."""

    def __init__(self, folder: Path, card: StudyCard, items: Sequence[Item]) -> None:
        self.folder, self.card, self.items = folder, card, items
        self._places = {item.id: place for place, item in enumerate(items)}
        self._turn = threading.Lock()

    @classmethod
    def create(
        cls,
        folder: Path,
        drawn: tuple[Sequence[Item], Sequence[ItemKey], Sequence[ItemSource]],
        *,
        annotators: Sequence[str],
        min_products: int,
        drawn_from: str,
        seed: int,
    ) -> Self:
        """Write a study of the items ``drawn`` (with their keys and sources) into ``folder``. Its card comes last.

        Raises:
            AnnotationError: a name cannot be used, nothing was drawn, or ``folder`` holds a study already.
        """
        items, keys, sources = drawn
        if not items:
            raise AnnotationError("no item could be drawn: the pages hold no placement. Give other pages.")
        try:
            card = StudyCard(
                level=items[0].level,
                annotators=list(annotators),
                min_products=min_products,
                drawn_from=drawn_from,
                seed=seed,
                created_at=datetime.now(UTC),
                items_sha256=_digest(items),
            )
        except ValidationError as error:
            raise AnnotationError(f"annotators cannot be named so: {_fault(error)}") from error
        write_rows(folder / ITEMS, items)
        write_rows(folder / KEYS, keys)
        write_rows(folder / SOURCES, sources)
        write_rows(folder / CARD, [card])
        return cls(folder, card, items)

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open the study in ``folder``.

        Raises:
            AnnotationError: there is none, or its items are not those that were drawn.
        """
        try:
            card = StudyCard.model_validate_json((folder / CARD).read_bytes())
        except (OSError, ValidationError) as error:
            reason = _fault(error) if isinstance(error, ValidationError) else type(error).__name__
            raise AnnotationError(
                f"{folder} holds no study ({CARD}: {reason}). Draw one with 'shelfwise annotate sample --out DIR'."
            ) from error
        items = read_rows(folder / ITEMS, Item)
        if _digest(items) != card.items_sha256:
            raise AnnotationError(f"{folder / ITEMS} is not the sample that was drawn. Restore it, or draw another.")
        return cls(folder, card, items)

    @cached_property
    def keys(self) -> dict[str, ItemKey]:
        """Where items come from, by their ids. Not for annotators.

        Raises:
            AnnotationError: the file cannot be read.
        """
        return {key.id: key for key in read_rows(self.folder / KEYS, ItemKey)}

    @cached_property
    def sources(self) -> dict[str, ItemSource]:
        """What items were drawn from, by their ids.

        Raises:
            AnnotationError: the file cannot be read.
        """
        return {source.id: source for source in read_rows(self.folder / SOURCES, ItemSource)}

    def log(self, annotator: str) -> list[Annotation]:
        """Return all that ``annotator`` ever answered, in order, answers that were taken back included.

        Raises:
            AnnotationError: they are not of this study, or their file is damaged; the message names the line.
        """
        path = self._file(annotator)
        given = read_annotations(path) if path.exists() else []
        for number, answer in enumerate(given, start=1):
            if fault := self._fault(annotator, answer):
                raise AnnotationError(f"{path}, answer {number}: {fault}. Correct or delete the line.")
        return given

    def annotations(self) -> list[Annotation]:
        """Return the answers of all annotators that stand.

        Raises:
            AnnotationError: see :meth:`log`.
        """
        return merge(*(self.log(annotator) for annotator in self.card.annotators))

    def standing(self, annotator: str) -> dict[tuple[str, str], Annotation]:
        """Return the annotator's answers that stand, by item and question."""
        return {answer.key: answer for answer in merge(self.log(annotator))}

    def answer(
        self,
        annotator: str,
        item: str,
        question: str,
        answer: Given,
        *,
        comment: str = "",
        misfits: Sequence[int] = (),
    ) -> Annotation:
        """Store an answer; it is on the disk when this returns.

        Raises:
            AnnotationError: it does not belong to this study, or cannot be written.
        """
        fields = {"item": item, "question": question, "answer": answer, "comment": comment.strip(), "misfits": misfits}
        with self._turn:
            return self._append(annotator, self.log(annotator), fields)

    def undo(self, annotator: str) -> Annotation | None:
        """Take back the annotator's latest answer that was not taken back yet; None where there is none.

        What they had answered to the question before stands again. Returned is the answer taken back.
        """
        with self._turn:
            log = self.log(annotator)
            done: list[Annotation] = []
            for answer in log:
                if not answer.undo:
                    done.append(answer)
                elif done:
                    done.pop()
            if not done:
                return None
            last = done.pop()
            before = next((answer for answer in reversed(done) if answer.key == last.key), None)
            restored = before or last.model_copy(update={"answer": "withdrawn", "comment": "", "misfits": ()})
            fields = restored.model_dump(include={"item", "question", "answer", "comment", "misfits"})
            self._append(annotator, log, {**fields, "undo": True})
            return last

    def _append(self, annotator: str, log: Sequence[Annotation], fields: Mapping[str, object]) -> Annotation:
        now = datetime.now(UTC)
        # The latest counts, also where the clock was put back.
        at = max(now, log[-1].at + timedelta(microseconds=1)) if log else now
        try:
            given = Annotation.model_validate({**fields, "annotator": annotator, "at": at})
        except ValidationError as error:
            raise AnnotationError(f"that is no answer: {_fault(error)}") from error
        if fault := self._fault(annotator, given):
            raise AnnotationError(fault)
        append_annotation(self._file(annotator), given)
        return given

    def _file(self, annotator: str) -> Path:
        if annotator not in self.card.annotators:
            raise AnnotationError(f"'{annotator[:60]}' does not annotate here: {', '.join(self.card.annotators)} do.")
        return self.folder / ANSWERS / f"{annotator}.jsonl"

    def _fault(self, annotator: str, answer: Annotation) -> str:
        """Return why an answer does not belong to this study, nothing if it does."""
        if answer.annotator != annotator:
            return f"it is of '{answer.annotator}'"
        if answer.item not in self._places:
            return f"there is no item '{answer.item[:40]}'"
        item = self.items[self._places[answer.item]]
        if answer.question not in item.questions:
            return f"'{answer.question}' is not asked of a {item.level}"
        shown = len(item.placements[0].products) if answer.question == MARKED else 0
        return (
            f"product {answer.misfits[-1] + 1} of {shown} is marked" if any(p >= shown for p in answer.misfits) else ""
        )


def _digest(items: Sequence[Item]) -> str:
    return hashlib.sha256("\n".join(item.model_dump_json() for item in items).encode()).hexdigest()


def _fault(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
