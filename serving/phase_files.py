"""Runs one phase over a file of lines: every line in gives a line out, in the same order, answered or with a reason."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from state.errors import AnswerRejected, CatalogError, CatalogMissing, EngineError, SettingsError, ShelfwiseError
from tools.line_file import LineFile

RecordT = TypeVar("RecordT", bound=BaseModel)
AT_A_TIME = 8
"""Lines in work at once: enough for the embedded engine to fill its batch."""


class LineRejected(ValueError):
    """Why a line cannot be answered."""


@dataclass(frozen=True)
class InputLine:
    """One line. ``said`` (its id, its number without one) opens its output line; ``fault`` says why it is none."""

    number: int
    key: str
    said: dict[str, Any]
    record: dict[str, Any] | None = None
    fault: str | None = None


@dataclass
class LineCounts:
    """``kept`` lines were answered by an earlier run."""

    answered: int = 0
    kept: int = 0
    failed: int = 0
    faults: list[str] = field(default_factory=list)


AnswerLine = Callable[[InputLine], Awaitable[dict[str, Any]]]


def read_input(path: Path, *, id_field: str = "id", plain_ids: bool = False) -> list[InputLine]:
    """Return the lines of a JSONL file; those that are no JSON object carry a fault. Blank lines are nothing.

    ``id_field`` names the line where it is there, its number otherwise; of two lines with one id the second carries a
    fault. With ``plain_ids`` a line that is no JSON object is itself the id.

    Raises:
        SettingsError: the file cannot be read, or holds no line.
    """
    try:
        rows = path.read_bytes().removeprefix(b"\xef\xbb\xbf").split(b"\n")
    except OSError as error:
        raise SettingsError(f"cannot read {path}: {error}. Correct the path.") from error
    lines: dict[str, InputLine] = {}
    for number, raw in enumerate(rows, start=1):
        if not raw.strip():
            continue
        line = _input_line(number, raw, id_field, plain_ids)
        if line.key in lines:
            fault = f"line {lines[line.key].number} has the same {id_field}"
            line = InputLine(number, f"line:{number}", {"line": number, **line.said}, fault=fault)
        lines[line.key] = line
    if not lines:
        raise SettingsError(f"{path} holds no line. Give a file with one JSON object a line.")
    return list(lines.values())


def _input_line(number: int, raw: bytes, id_field: str, plain_ids: bool) -> InputLine:
    said: dict[str, Any] = {"line": number}
    try:
        text = raw.decode("utf-8").strip()
        record = {id_field: text} if plain_ids and not text.startswith("{") else json.loads(text)
    except (ValueError, RecursionError) as error:
        return InputLine(number, f"line:{number}", said, fault=f"malformed line: {error}")
    if not isinstance(record, dict):
        return InputLine(number, f"line:{number}", said, fault="malformed line: not a JSON object")
    name = record.get(id_field)
    if name is None or name == "":
        return InputLine(number, f"line:{number}", said, record)
    if isinstance(name, bool) or not isinstance(name, str | int):
        return InputLine(number, f"line:{number}", said, fault=f"{id_field} is neither a text nor a whole number")
    return InputLine(number, f"id:{name}", {id_field: name}, record)


def read_record(line: InputLine, kind: type[RecordT]) -> RecordT:
    """Return the line's record as ``kind``.

    Raises:
        LineRejected: it is none; the message names the first faults.
    """
    try:
        return kind.model_validate(line.record)
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, fault['loc'])) or 'line'}: {fault['msg']}" for fault in error.errors()[:3]]
        raise LineRejected("; ".join(faults)) from None


async def answer_lines(
    lines: Sequence[InputLine],
    out: Path,
    answer: AnswerLine,
    *,
    basis: str,
    id_field: str = "id",
    at_a_time: int = AT_A_TIME,
    on_done: Callable[[], object] = lambda: None,
) -> LineCounts:
    """Answer ``lines`` into the file ``out`` and leave it in their order.

    A line that ``out`` holds the answer to is not asked again, unless the line or ``basis`` (models, prompts, options)
    has changed since. Lines of ``out`` that are not among ``lines`` stay, at its end. Each answer goes to the disk as
    it comes; an answer that cannot be used, or an engine that does not answer, gives ``{..., "error"}``, and is asked
    again by the next run. Whatever would fail every line (settings, weights) ends the run.

    Raises:
        StoreError: ``out`` is something else, or cannot be written.
        ShelfwiseError: what ``answer`` raises besides.
    """
    requests = {line.key: _digest(line, basis) for line in lines}
    file = LineFile.open(out, lambda record: _key_of(record, id_field, requests), holds="an answer of this command")
    count, failed = LineCounts(kept=len(file.keys & requests.keys())), dict[str, str]()
    turns = asyncio.Semaphore(at_a_time)

    async def one(line: InputLine) -> None:
        async with turns:
            said = dict(line.said)
            try:
                if line.fault:
                    raise LineRejected(line.fault)
                # The id stays as it was given, a number if it was one.
                said |= {**await answer(line), **line.said, "request": requests[line.key]}
            except LineRejected as error:
                said["error"] = str(error)
            except Exception as error:  # one line must not end the run of the others
                if _fails_every_line(error):
                    raise
                said["error"] = f"{type(error).__name__}: {error}"
        text = _text(said)
        file.append(line.key, text, again="error" in said)
        if "error" in said:
            failed[line.key] = text
            count.failed += 1
            count.faults.append(f"line {line.number}: {said['error']}")
        else:
            count.answered += 1
        on_done()

    tasks = [asyncio.create_task(one(line)) for line in lines if line.key not in file.keys]
    try:
        for task in asyncio.as_completed(tasks):
            await task
    finally:
        for task in tasks:
            task.cancel()
    file.write_in_order(requests, failed)
    return count


def _fails_every_line(error: Exception) -> bool:
    one_line = AnswerRejected | EngineError | CatalogError
    return isinstance(error, ShelfwiseError) and (isinstance(error, CatalogMissing) or not isinstance(error, one_line))


def _text(said: dict[str, Any]) -> str:
    text = json.dumps(said, ensure_ascii=False)
    # JSON may hold half a character ("\ud800") that no encoding writes.
    return text if text.isascii() or text.encode(errors="ignore").decode() == text else json.dumps(said)


def _digest(line: InputLine, basis: str) -> str:
    content = json.dumps([line.record, basis], sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def _key_of(record: Any, id_field: str, requests: dict[str, str]) -> str | None:
    if "error" in record:
        return None
    request = str(record["request"])
    key = f"id:{record[id_field]}" if id_field in record else f"line:{record['line']}"
    return key if requests.get(key, request) == request else None
