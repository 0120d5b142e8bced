"""Turns answers into a data set: batch output and plain rows in, a row a key out, every line left out accounted for."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from tools.labelled_queries import query_key
from training.datasets import Line, Problem, first_fault, read_lines
from training.examples import (
    DesignExample,
    Example,
    IntentExample,
    JudgeExample,
    RelevanceExample,
    Task,
    ThemedExample,
    parse_example,
)
from training.intent_parts import IntentPart, merged
from training.splits import shopper_of
from training.subject_base import UnknownChoice
from training.subjects import Subject


@dataclass(frozen=True)
class Known:
    """The shoppers and products of the catalogue; None leaves a kind unchecked."""

    shopper_ids: frozenset[str] | None = None
    product_ids: frozenset[str] | None = None


@dataclass
class Imported:
    """Rows by key, what was left out, and counts of what was neither.

    ``parts`` are answers about queries of which another part is still missing: a later import takes them up.
    """

    rows: dict[str, Example] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    added: int = 0
    already_there: int = 0
    unanswered: list[str] = field(default_factory=list)
    parts: list[IntentPart] = field(default_factory=list)


class _LeftOut(Exception):
    """Why an answer cannot be used."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason)
        self.reason, self.detail = reason, detail


def import_answers(
    task: Task,
    path: Path,
    *,
    subjects: Mapping[str, Subject] | None = None,
    known: Known | None = None,
    existing: Sequence[Example] = (),
) -> Imported:
    """Read the answers of ``path`` into the rows of ``existing``; of two answers with one key the first stays.

    A line with ``custom_id`` is a line of batch output and needs ``subjects`` (``requests.read_subjects``); any other
    is a row as data sets hold it. Rows already there, with the same content, are counted and change nothing. Parts of
    queries (in ``existing`` too) become rows where all four are there, and ``parts`` where not.

    Raises:
        DatasetError: the file cannot be read at all.
    """
    lines, problems = read_lines(path)
    done = Imported(rows={row.key: row for row in existing}, problems=problems)
    answered: dict[str, int] = {}
    for line in lines:
        try:
            for row in _rows_of(task, line, subjects, answered):
                try:
                    _keep(done, row, known or Known())
                except _LeftOut as left:
                    done.problems.append(Problem(path.name, line.number, left.reason, left.detail))
        except _LeftOut as left:
            done.problems.append(Problem(path.name, line.number, left.reason, left.detail))
    _merge_parts(done)
    done.problems.sort(key=lambda problem: problem.line)
    done.unanswered = [custom_id for custom_id in subjects or () if custom_id not in answered]
    return done


def _rows_of(task: Task, line: Line, subjects: Mapping[str, Subject] | None, answered: dict[str, int]) -> list[Example]:
    if "custom_id" not in line.record:
        try:
            return [parse_example(task, line.record)]
        except ValidationError as error:
            raise _LeftOut("breaks the schema", first_fault(error)) from None
    custom_id = str(line.record["custom_id"])
    if subjects is None:
        raise _LeftOut("no requests given", f"{custom_id} is batch output: name its requests with --requests")
    subject = subjects.get(custom_id)
    if subject is None or subject.task is not task:
        raise _LeftOut("unknown request", f"{custom_id} is not among the requests for '{task.value}'")
    if custom_id in answered:
        raise _LeftOut("duplicate answer", f"{custom_id} was answered in line {answered[custom_id]}")
    rows = _answered(subject, _content(line.record))
    answered[custom_id] = line.number
    return rows


def _content(record: Mapping[str, Any]) -> str:
    """Return the text of the answer in a line of batch output."""
    error, response = record.get("error"), record.get("response")
    if error:
        raise _LeftOut("request failed", _short(error))
    try:
        status, body = (response or {}).get("status_code", 200), (response or {})["body"]
        if status != 200:
            raise _LeftOut("request failed", f"{status}: {_short(body)}")
        choice = body["choices"][0]
        message = choice["message"]
        refusal, content, finish = message.get("refusal"), message.get("content"), choice.get("finish_reason")
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise _LeftOut("no chat completion", f"{type(error).__name__}: {error}") from None
    if refusal or finish == "content_filter":
        raise _LeftOut("refusal", _short(refusal or "stopped by a content filter"))
    if finish == "length":
        raise _LeftOut("cut answer", "stopped at its length limit: raise max_tokens")
    if not isinstance(content, str) or not content.strip():
        raise _LeftOut("empty answer")
    return content


def _answered(subject: Subject, content: str) -> list[Example]:
    try:
        decoded = json.loads(content)
    except (ValueError, RecursionError):
        raise _LeftOut("malformed answer", f"not JSON: {_short(content)}") from None
    try:
        return subject.examples(subject.schema_of_answer().model_validate(decoded))
    except ValidationError as error:
        raise _LeftOut("breaks the schema", first_fault(error)) from None
    except UnknownChoice as error:
        raise _LeftOut("breaks the schema", str(error)) from None


def _keep(done: Imported, row: Example, known: Known) -> None:
    shopper = _shopper(row)
    if shopper is not None and known.shopper_ids is not None and shopper not in known.shopper_ids:
        raise _LeftOut("unknown shopper", f"the catalogue has no orders of shopper {shopper[:60]}")
    if isinstance(row, RelevanceExample) and known.product_ids is not None and row.product_id not in known.product_ids:
        raise _LeftOut("unknown product", f"the catalogue has no product {row.product_id[:60]}")
    whole = done.rows.get(query_key(row.query)) if isinstance(row, IntentPart) else None
    there = done.rows.get(row.key)
    if isinstance(row, IntentPart) and isinstance(whole, IntentExample) and row.agrees(whole):
        done.already_there += 1
    elif there is None and whole is None:
        done.rows[row.key] = row
        done.added += not isinstance(row, IntentPart)
    elif there is None:
        raise _LeftOut("another answer is there", f"{row.key!r}: its query has a row with other content, which stays")
    elif there.model_copy(update={"gate": None}) == row.model_copy(update={"gate": None}):
        done.already_there += 1
    else:
        raise _LeftOut("another answer is there", f"{row.key} has a row with other content, which stays")


def _merge_parts(done: Imported) -> None:
    """Make rows of the queries whose parts are all there; the parts of the others leave the rows."""
    by_query: dict[str, list[IntentPart]] = {}
    for key, row in list(done.rows.items()):
        if isinstance(row, IntentPart):
            by_query.setdefault(query_key(row.query), []).append(row)
            del done.rows[key]
    for query, parts in by_query.items():
        whole = merged(parts)
        if whole is None:
            done.parts += parts
        else:
            done.rows[query] = whole
            done.added += 1


def _shopper(row: Example) -> str | None:
    if isinstance(row, ThemedExample):
        return shopper_of(row.theme_id)
    return row.shopper_id if isinstance(row, DesignExample | JudgeExample) else None


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return " ".join(text.split())[:160]
