"""People's answers to the seven questions: the file they are kept in, merging, agreement between people, export."""

from __future__ import annotations

import csv
import fcntl
import io
import json
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations
from pathlib import Path
from typing import BinaryIO

from pydantic import ValidationError

from evaluation.agreement import PairAgreement, alpha_interval, pair_agreement
from evaluation.bootstrap import Interval
from state.annotation import QUESTIONS, Annotation, Item, ItemKey
from state.errors import AnnotationError

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def append_annotation(path: Path, annotation: Annotation) -> None:
    """Add one answer to the end of ``path``, made when it is not there: nothing that was answered is ever rewritten.

    The line is on the disk when this returns. A last line that an interruption cut off, which nobody was told is
    stored, is taken away first, so that it cannot damage the one that follows.

    Raises:
        AnnotationError: the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            _mend_end(file)
            file.write(f"{annotation.model_dump_json(exclude_defaults=True)}\n".encode())
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise AnnotationError(f"cannot write {path}: {error.strerror}. The answer was not stored.") from error


def _mend_end(file: BinaryIO) -> None:
    """End a last line that has no end, or cut it off where it is no whole answer."""
    file.seek(0)
    content = file.read()
    tail = content.rpartition(b"\n")[2]
    if not tail:
        return
    try:
        Annotation.model_validate_json(tail)
        file.write(b"\n")
    except ValidationError:
        file.truncate(len(content) - len(tail))


def read_annotations(path: Path) -> list[Annotation]:
    """Return the answers of ``path`` in file order. A last line that was cut off in writing is left out.

    Raises:
        AnnotationError: the file cannot be read, or another line is no annotation; the message names the line.
    """
    try:
        lines = path.read_bytes().splitlines(keepends=True)
    except OSError as error:
        raise AnnotationError(f"cannot read {path}: {error.strerror}.") from error
    found = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            found.append(Annotation.model_validate(json.loads(line)))
        except (ValueError, ValidationError) as error:
            if number == len(lines) and not line.endswith(b"\n"):
                break
            raise AnnotationError(
                f"{path}, line {number} is no annotation ({str(error).splitlines()[0][:120]}). Correct or delete it."
            ) from error
    return found


def merge(*files: Iterable[Annotation]) -> list[Annotation]:
    """Return one answer for each annotator, item and question: the latest, none where that one withdraws it.

    Sorted, so that files merge in any order.
    """
    latest: dict[tuple[str, str, str], Annotation] = {}
    for annotation in sorted((a for file in files for a in file), key=lambda a: (a.at, a.answer, a.comment)):
        latest[(*annotation.key, annotation.annotator)] = annotation
    return [latest[key] for key in sorted(latest) if latest[key].answer != "withdrawn"]


def unanswered(items: Sequence[Item], annotations: Iterable[Annotation], annotator: str) -> list[tuple[Item, str]]:
    """Return what the annotator has still to answer, in the order of ``items``: where to resume."""
    done = {a.key for a in merge(annotations) if a.annotator == annotator}
    return [(item, question) for item in items for question in item.questions if (item.id, question) not in done]


@dataclass(frozen=True)
class QuestionAgreement:
    """How far people agree on one question. ``items`` counts those that at least two of them answered yes or no.

    ``pairs`` holds accuracy and kappa of every two annotators with items in common, ``alpha`` is over all of them;
    ``yes_rate`` and ``unsure_rate`` are shares of all answers to the question.
    """

    question: str
    annotators: int
    items: int
    alpha: Interval
    pairs: dict[tuple[str, str], PairAgreement]
    yes_rate: float
    unsure_rate: float


def agreement_by_question(annotations: Iterable[Annotation], *, seed: int = 0) -> list[QuestionAgreement]:
    """Return the agreement on each question that was answered, in the order of the questions. Merges first."""
    by_question: dict[str, list[Annotation]] = defaultdict(list)
    for annotation in merge(annotations):
        by_question[annotation.question].append(annotation)
    order = [question for level in QUESTIONS.values() for question in level]
    return [_agreement(question, by_question[question], seed) for question in order if question in by_question]


def _agreement(question: str, given: Sequence[Annotation], seed: int) -> QuestionAgreement:
    ratings: dict[str, dict[str, str]] = defaultdict(dict)
    for annotation in given:
        if annotation.answer != "unsure":
            ratings[annotation.item][annotation.annotator] = annotation.answer
    people = sorted({annotation.annotator for annotation in given})
    pairs = {}
    for first, second in combinations(people, 2):
        shared = [item for item, answers in ratings.items() if first in answers and second in answers]
        if shared:
            a, b = ([ratings[item][who] for item in shared] for who in (first, second))
            pairs[first, second] = pair_agreement(a, b, seed=seed)
    answers = Counter(annotation.answer for annotation in given)
    return QuestionAgreement(
        question=question,
        annotators=len(people),
        items=sum(len(answers) > 1 for answers in ratings.values()),
        alpha=alpha_interval(list(ratings.values()), seed=seed),
        pairs=pairs,
        yes_rate=answers["yes"] / len(given),
        unsure_rate=answers["unsure"] / len(given),
    )


def consensus(annotations: Iterable[Annotation]) -> dict[tuple[str, str], bool]:
    """Return what most people answered, by item and question; ties and unsure answers decide nothing. Merges first."""
    votes: Counter[tuple[str, str]] = Counter()
    for annotation in merge(annotations):
        votes[annotation.key] += {"yes": 1, "no": -1}.get(annotation.answer, 0)
    return {key: balance > 0 for key, balance in votes.items() if balance}


def export_csv(annotations: Iterable[Annotation], keys: Mapping[str, ItemKey]) -> str:
    """Return the answers as CSV with where each item comes from; made to be opened in a spreadsheet. Merges first."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(
        [
            "item",
            "question",
            "annotator",
            "answer",
            "at",
            "comment",
            "misfits",
            "shopper_id",
            "placement_id",
            "source",
            "stratum",
            "weight",
        ]
    )
    for a in merge(annotations):
        key = keys.get(a.item)
        about = [key.shopper_id, key.placement_id or "", key.source, key.stratum, key.weight] if key else [""] * 5
        misfits = " ".join(str(place + 1) for place in a.misfits)
        row = [a.item, a.question, a.annotator, a.answer, _moment(a.at), a.comment, misfits, *about]
        writer.writerow([f"'{cell}" if str(cell).startswith(_FORMULA) else cell for cell in row])
    return text.getvalue()


def _moment(at: datetime) -> str:
    return at.isoformat(timespec="seconds")
