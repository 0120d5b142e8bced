"""Routes of the annotation page. An annotator is shown their own answers and no one else's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Path
from starlette.requests import Request

from serving.annotation.book import AnnotationBook
from serving.annotation.shapes import (
    AnnotatorName,
    AskedQuestion,
    Mine,
    MyAnswer,
    NewAnswer,
    Overview,
    Progress,
    ShownItem,
    Undone,
)
from serving.http.auth import Reader, Writer, whole_shop
from serving.http.problems import Problem
from state.annotation import MARKED, WORDING, Annotation, Item

router = APIRouter(prefix="/v1/annotation", tags=["annotation"])
Annotator = Annotated[AnnotatorName, Path(description="One of those named when the sample was drawn.")]
Given = Mapping[tuple[str, str], Annotation]


@router.get("", summary="What is asked, and of whom")
def overview(caller: Reader, request: Request) -> Overview:
    whole_shop(caller)
    book = _book(request)
    questions = [
        AskedQuestion(name=name, text=WORDING[name].format(min_products=book.card.min_products), marks=name == MARKED)
        for name in book.items[0].questions
    ]
    people = [_progress(book, name, book.standing(name)) for name in book.card.annotators]
    return Overview(items=len(book.items), questions=questions, annotators=people)


@router.get("/{annotator}", summary="Where an annotator stands")
def mine(annotator: Annotator, caller: Reader, request: Request) -> Mine:
    whole_shop(caller)
    book = _book(request, annotator)
    given = book.standing(annotator)
    answered = [sum((item.id, question) in given for question in item.questions) for item in book.items]
    open_ = [place for place, item in enumerate(book.items) if answered[place] < len(item.questions)]
    return Mine(
        progress=_progress(book, annotator, given), answered=answered, resume=open_[0] if open_ else len(answered) - 1
    )


@router.get("/{annotator}/items/{number}", summary="An item with the annotator's own answers")
def item(annotator: Annotator, number: Annotated[int, Path(ge=0)], caller: Reader, request: Request) -> ShownItem:
    whole_shop(caller)
    book = _book(request, annotator)
    if number >= len(book.items):
        raise Problem(404, "not-found", f"There are {len(book.items)} items.")
    shown, given = book.items[number], book.standing(annotator)
    answers = {question: given[shown.id, question] for question in shown.questions if (shown.id, question) in given}
    return ShownItem(number=number, item=shown, answers={name: _my(answer) for name, answer in answers.items()})


@router.post("/{annotator}/answers", summary="Answer a question", status_code=201)
def answer(annotator: Annotator, new: NewAnswer, caller: Writer, request: Request) -> Progress:
    """Store an answer; an earlier one of the same annotator to the same question counts no more."""
    whole_shop(caller)
    book = _book(request, annotator)
    shown = {item.id: item for item in book.items}.get(new.item)
    if fault := _fault(shown, new):
        raise Problem(422, "invalid", fault)
    misfits = sorted({*new.misfits})
    book.answer(annotator, new.item, new.question, new.answer, comment=new.comment, misfits=misfits)
    return _progress(book, annotator, book.standing(annotator))


@router.post("/{annotator}/undo", summary="Take back the latest answer")
def undo(annotator: Annotator, caller: Writer, request: Request) -> Undone:
    whole_shop(caller)
    book = _book(request, annotator)
    taken = book.undo(annotator)
    if taken is None:
        return Undone()
    numbers = {item.id: number for number, item in enumerate(book.items)}
    return Undone(number=numbers[taken.item], question=taken.question)


def _book(request: Request, annotator: str | None = None) -> AnnotationBook:
    book: AnnotationBook = request.app.state.book
    if annotator is not None and annotator not in book.card.annotators:
        raise Problem(404, "unknown-annotator", "Nobody of this name annotates here.")
    return book


def _fault(shown: Item | None, new: NewAnswer) -> str:
    """Return why ``new`` is no answer here, nothing if it is one."""
    if shown is None:
        return "There is no such item."
    if new.question not in shown.questions:
        return f"This is not asked of a {shown.level}."
    if new.misfits and (new.question != MARKED or max(new.misfits) >= len(shown.placements[0].products)):
        return "There is no such product to mark."
    return ""


def _progress(book: AnnotationBook, annotator: str, given: Given) -> Progress:
    total = sum(len(item.questions) for item in book.items)
    return Progress(annotator=annotator, answered=len(given), total=total)


def _my(answer: Annotation) -> MyAnswer:
    assert answer.answer != "withdrawn", "answers that stand are not withdrawn"
    return MyAnswer(answer=answer.answer, comment=answer.comment, misfits=list(answer.misfits))
