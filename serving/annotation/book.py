"""What the annotation page reads from and writes to: a study, by whatever keeps it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from state.annotation import Annotation, Given, Item


class Terms(Protocol):
    """What was agreed when the sample was drawn."""

    @property
    def annotators(self) -> list[str]: ...
    @property
    def min_products(self) -> int: ...


class AnnotationBook(Protocol):
    """A sample and the answers on it. Methods raise :class:`state.errors.AnnotationError`."""

    @property
    def card(self) -> Terms: ...
    @property
    def items(self) -> Sequence[Item]: ...

    def standing(self, annotator: str) -> Mapping[tuple[str, str], Annotation]:
        """Return the annotator's answers that stand, by item and question."""
        ...

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
        """Store an answer; it is on the disk when this returns."""
        ...

    def undo(self, annotator: str) -> Annotation | None:
        """Take back the latest answer that was not taken back yet; None where there is none."""
        ...
