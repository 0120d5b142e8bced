"""Data set files: JSON lines, plain or gzip, written whole or not at all; and the ones that ship with the project."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from state.errors import ShelfwiseError
from training.examples import Example, Task, parse_example
from training.splits import Split

DATA_DIR = Path(__file__).resolve().parent / "data"
FILES: dict[Task, str] = {
    Task.DESIGN: "designs.jsonl.gz",
    Task.KEYWORDS: "keywords.jsonl.gz",
    Task.RELEVANCE: "relevance.jsonl.gz",
    Task.INTENTS: "intents.jsonl.gz",
}
CHECKSUMS = "SHA256SUMS"
Model = TypeVar("Model", bound=BaseModel)


class DatasetError(ShelfwiseError):
    """A file of labels, requests or answers cannot be used."""


@dataclass(frozen=True)
class Problem:
    """A line, or the answer in it, that was left out. ``reason`` is one of a few words, ``detail`` says more."""

    file: str
    line: int
    reason: str
    detail: str = ""


@dataclass(frozen=True)
class Line:
    """A line of a JSON lines file, decoded."""

    number: int
    record: Any


def read_lines(path: Path) -> tuple[list[Line], list[Problem]]:
    """Return the lines of ``path`` that are JSON objects, and what was wrong with the others. Blank lines are nothing.

    Raises:
        DatasetError: the file cannot be read at all.
    """
    lines: list[Line] = []
    problems: list[Problem] = []
    for number, raw in _raw_lines(path):
        try:
            record = json.loads(raw)
        except (ValueError, RecursionError) as error:
            ended = raw.endswith(b"\n")
            reason = "malformed line" if ended else "truncated last line"
            problems.append(Problem(path.name, number, reason, str(error)))
            continue
        if isinstance(record, dict):
            lines.append(Line(number, record))
        else:
            problems.append(Problem(path.name, number, "malformed line", "not a JSON object"))
    return lines, problems


def _raw_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            for number, raw in enumerate(file, start=1):
                if raw.strip():
                    yield number, raw
    except (OSError, EOFError) as error:
        raise DatasetError(f"cannot read {path}: {error}. Correct the path, or make the file again.") from error


def read_dataset(task: Task, path: Path) -> tuple[list[tuple[int, Example]], list[Problem]]:
    """Return the rows of a data set with their line numbers, and the lines that are none.

    Raises:
        DatasetError: the file cannot be read at all.
    """
    lines, problems = read_lines(path)
    rows: list[tuple[int, Example]] = []
    for line in lines:
        try:
            rows.append((line.number, parse_example(task, line.record)))
        except ValidationError as error:
            problems.append(Problem(path.name, line.number, "breaks the schema", first_fault(error)))
    return rows, sorted(problems, key=lambda problem: problem.line)


def first_fault(error: ValidationError) -> str:
    """Return the first fault of a validation in one line, and how many more there are."""
    faults = error.errors(include_url=False, include_input=False)
    place = ".".join(map(str, faults[0]["loc"])) or "row"
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    return f"{place}: {faults[0]['msg']}{more}"[:300]


def write_dataset(path: Path, rows: Iterable[Example]) -> str:
    """Write ``rows`` sorted by key, as a whole or not at all; return the SHA-256 of the file.

    The same rows give the same bytes, gzip (a path that ends in ``.gz``) included.

    Raises:
        DatasetError: the file cannot be written.
    """
    ordered = sorted(rows, key=lambda row: natural(row.key))
    text = "".join(f"{row.model_dump_json(exclude_defaults=True)}\n" for row in ordered)
    content = text.encode()
    if path.suffix == ".gz":
        packed = io.BytesIO()
        with gzip.GzipFile(filename="", mode="wb", fileobj=packed, compresslevel=9, mtime=0) as file:
            file.write(content)
        content = packed.getvalue()
    write_whole(path, content)
    return hashlib.sha256(content).hexdigest()


def write_whole(path: Path, content: bytes) -> None:
    """Put ``content`` in place of ``path`` in one step.

    Raises:
        DatasetError: it cannot be written; what was there stays.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except OSError as error:
        raise DatasetError(f"cannot write {path}: {error}. Name another file.") from error


def natural(key: str) -> tuple[tuple[int, str | int], ...]:
    """Return a sort key under which "9-1" comes before "10-0"."""
    parts = [part for part in re.split(r"(\d+)", key) if part]
    # ASCII digits alone are numbers: int() reads more than the pattern promises.
    return tuple((0, int(part)) if part.isascii() and part.isdigit() else (1, part) for part in parts)


def load_examples(task: Task, split: Split | None = None, *, gated: bool = True) -> Sequence[Any]:
    """Return the shipped rows of ``task`` in one split (all without), those that the quality gate dropped left out.

    The rows are of the task's type in ``training.examples``. ``gated=False`` gives them as the teacher wrote them.

    Raises:
        DatasetError: no rows ship for this task, or the file is not the one that was shipped.
    """
    rows = _gated(task) if gated else _shipped(task)
    return [row for row in rows if split is None or row.split == split]


@lru_cache(maxsize=8)
def _shipped(task: Task) -> tuple[Example, ...]:
    if task not in FILES:
        raise DatasetError(f"no labels ship for '{task.value}'. Tasks with labels: {', '.join(FILES)}.")
    path = verified(DATA_DIR / FILES[task])
    rows, problems = read_dataset(task, path)
    if problems:
        raise DatasetError(f"{path}, line {problems[0].line}: {problems[0].reason}. Restore the file.")
    return tuple(row for _, row in rows)


def read_models(path: Path, model: type[Model]) -> list[Model]:
    """Return the lines of a file as rows of ``model``.

    Raises:
        DatasetError: the file cannot be read, or a line is no such row; the message names the line.
    """
    lines, problems = read_lines(path)
    if problems:
        raise DatasetError(f"{path}, line {problems[0].line}: {problems[0].reason}. Restore the file.")
    rows = []
    for line in lines:
        try:
            rows.append(model.model_validate(line.record))
        except ValidationError as error:
            raise DatasetError(f"{path}, line {line.number}: {first_fault(error)}. Restore the file.") from None
    return rows


def verified(path: Path) -> Path:
    """Return ``path``, a file of the shipped data, having compared it with what was shipped.

    Raises:
        DatasetError: it is missing or another one.
    """
    try:
        found = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise DatasetError(f"cannot read {path}: {error}. Restore it.") from error
    if found != checksums().get(path.name):
        raise DatasetError(f"{path} is not the file that was shipped (SHA-256 {found[:12]}). Restore it.")
    return path


@lru_cache(maxsize=8)
def _gated(task: Task) -> tuple[Example, ...]:
    from training.gate_report import apply_report, read_report

    rows = _shipped(task)
    return tuple(apply_report(read_report(DATA_DIR / gate_report_name(task)), rows))


def gate_report_name(task: Task) -> str:
    """Return the name of the shipped report of the gate's run over the shipped rows of ``task``."""
    return FILES[task].replace(".jsonl.gz", ".gate.json")


def checksums() -> dict[str, str]:
    """Return the SHA-256 of each shipped file by its name."""
    lines = (DATA_DIR / CHECKSUMS).read_text(encoding="utf-8").splitlines()
    return {name: digest for digest, name in (line.split() for line in lines)}
