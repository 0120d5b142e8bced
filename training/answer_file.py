"""The file of answers while requests are being answered: a whole line an answer, continued after an interruption."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Self

from tools.line_file import LineFile
from training.datasets import DatasetError


class AnswerFile:
    """Lines in the format of a batch service's output.

    Opening drops the lines of requests that failed and a last line that an interruption cut off: they are asked again.
    """

    def __init__(self, lines: LineFile) -> None:
        self._lines = lines

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open ``path`` to continue it, or start it.

        Raises:
            DatasetError: a line other than the last is no answer: the file is something else, and stays as it is.
        """
        return cls(LineFile.open(path, _request, holds="an answer to a request", error=DatasetError))

    @property
    def answered(self) -> frozenset[str]:
        return self._lines.keys

    def append(self, custom_id: str, status: int | None, body: Any, error: str | None = None) -> None:
        """Add the answer to one request and force it to the disk. ``status`` is None when no answer came at all."""
        response = None if status is None else {"status_code": status, "request_id": custom_id, "body": body}
        failed = None if error is None else {"code": str(status or "no_answer"), "message": error}
        record = {"id": f"answer-{custom_id}", "custom_id": custom_id, "response": response, "error": failed}
        line = json.dumps(record, ensure_ascii=False, separators=(",", ":"))
        self._lines.append(custom_id, line, again=not is_answered(record))


def is_answered(record: dict[str, Any]) -> bool:
    """Tell whether a line of batch output holds an answer, whatever it is worth."""
    response = record.get("response")
    return not record.get("error") and isinstance(response, dict) and response.get("status_code") == 200


def _request(record: Any) -> str | None:
    custom_id = str(record["custom_id"])
    if "response" not in record:
        raise KeyError("response")
    return custom_id if is_answered(record) else None
