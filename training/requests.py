"""Requests to the teacher in the OpenAI Batch format, and beside them what each is about.

A batch service refuses fields that it does not know, so the subjects lie in a file of their own:
``requests.jsonl`` has ``requests.subjects.jsonl`` next to it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from engines.endpoint import portable, strict_fits
from state.llm import Message
from training.datasets import DatasetError, first_fault, read_lines, write_whole
from training.subjects import Subject, parse_subject

CHAT_URL: Literal["/v1/chat/completions"] = "/v1/chat/completions"


class BatchRequest(BaseModel):
    """One line of a batch file."""

    model_config = ConfigDict(extra="forbid")

    custom_id: str = Field(min_length=1)
    method: Literal["POST"] = "POST"
    url: Literal["/v1/chat/completions"] = CHAT_URL
    body: dict[str, Any]


def batch_request(subject: Subject, messages: list[Message], model: str) -> BatchRequest:
    """Return the request that asks ``model`` about ``subject``, the answer held to the subject's schema."""
    schema_type = subject.schema_of_answer()
    schema = schema_type.model_json_schema()
    answer = {"name": schema_type.__name__, "schema": portable(schema), "strict": strict_fits(schema)}
    response_format = {"type": "json_schema", "json_schema": answer}
    return BatchRequest(
        custom_id=subject.custom_id,
        body={"model": model, "messages": list(messages), "response_format": response_format},
    )


def subjects_path(requests: Path) -> Path:
    """Return where the subjects of a requests file lie."""
    return requests.with_name(f"{requests.name.removesuffix('.jsonl')}.subjects.jsonl")


def write_requests(path: Path, asked: Iterable[tuple[Subject, BatchRequest]]) -> int:
    """Write requests and subjects; return their number.

    Raises:
        DatasetError: a file cannot be written, or two requests have one custom_id.
    """
    requests, subjects, seen = [], [], set()
    for subject, request in asked:
        if request.custom_id in seen:
            raise DatasetError(f"two requests are called {request.custom_id}. Name each shopper and theme once.")
        seen.add(request.custom_id)
        requests.append(_line(request.model_dump(mode="json")))
        about = subject.model_dump(mode="json", exclude_defaults=True)
        subjects.append(_line({"custom_id": request.custom_id, "task": subject.task.value, **about}))
    write_whole(subjects_path(path), "".join(subjects).encode())
    write_whole(path, "".join(requests).encode())
    return len(requests)


def read_requests(path: Path) -> list[BatchRequest]:
    """Return the requests of a file.

    Raises:
        DatasetError: a line is no request, or a custom_id is used twice: asking part of them would go unnoticed.
    """
    lines, problems = read_lines(path)
    if problems:
        raise DatasetError(f"{path}, line {problems[0].line}: {problems[0].reason}. Export the requests again.")
    requests: dict[str, BatchRequest] = {}
    for line in lines:
        try:
            request = BatchRequest.model_validate(line.record)
        except ValidationError as error:
            raise DatasetError(f"{path}, line {line.number} is no batch request ({first_fault(error)}).") from None
        if request.custom_id in requests:
            raise DatasetError(f"{path}, line {line.number}: custom_id {request.custom_id} is used twice.")
        requests[request.custom_id] = request
    return list(requests.values())


def read_subjects(requests: Path) -> dict[str, Subject]:
    """Return what each request of a file is about, by custom_id.

    Raises:
        DatasetError: the subjects are not there or damaged.
    """
    path = subjects_path(requests)
    if not path.is_file():
        raise DatasetError(f"{path} is missing: 'teach export' writes it beside the requests. Export them again.")
    lines, problems = read_lines(path)
    if problems:
        raise DatasetError(f"{path}, line {problems[0].line}: {problems[0].reason}. Export the requests again.")
    subjects: dict[str, Subject] = {}
    for line in lines:
        about = dict(line.record)
        custom_id = str(about.pop("custom_id", ""))
        try:
            subjects[custom_id] = parse_subject(about)
        except ValidationError as error:
            raise DatasetError(f"{path}, line {line.number} is no subject ({first_fault(error)}).") from None
    return subjects


def _line(record: dict[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n"
