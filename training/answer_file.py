"""The file of answers while requests are being answered: a whole line an answer, continued after an interruption."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Self

from training.datasets import DatasetError, read_lines, write_whole


class AnswerFile:
    """Lines in the format of a batch service's output. Each goes to the disk whole before the next.

    Opening drops the lines of requests that failed and a last line that an interruption cut off: they are asked again.
    """

    def __init__(self, path: Path, answered: frozenset[str]) -> None:
        self.path = path
        self.answered = answered

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open ``path`` to continue it, or start it.

        Raises:
            DatasetError: a line other than the last is no answer: the file is something else, and stays as it is.
        """
        kept: dict[str, Any] = {}
        dropped = False
        if path.exists():
            lines, problems = read_lines(path)
            for problem in problems:
                if problem.reason != "truncated last line":
                    raise DatasetError(
                        f"{path}, line {problem.line}: {problem.reason}. Name another output file, or move this one."
                    )
            dropped = bool(problems)
            for line in lines:
                if not {"custom_id", "response"} <= line.record.keys():
                    raise DatasetError(
                        f"{path}, line {line.number} is no answer to a request. Name another output file."
                    )
                if is_answered(line.record):
                    kept[str(line.record["custom_id"])] = line.record
                else:
                    dropped = True
        if dropped or not path.exists() or not _ends_a_line(path):
            write_whole(path, "".join(_line(record) for record in kept.values()).encode())
        return cls(path, frozenset(kept))

    def append(self, custom_id: str, status: int | None, body: Any, error: str | None = None) -> None:
        """Add the answer to one request and force it to the disk. ``status`` is None when no answer came at all."""
        response = None if status is None else {"status_code": status, "request_id": custom_id, "body": body}
        failed = None if error is None else {"code": str(status or "no_answer"), "message": error}
        record = {"id": f"answer-{custom_id}", "custom_id": custom_id, "response": response, "error": failed}
        try:
            with self.path.open("ab") as file:
                file.write(_line(record).encode())
                file.flush()
                os.fsync(file.fileno())
        except OSError as problem:
            raise DatasetError(f"cannot write {self.path}: {problem}. Answers so far are kept.") from problem


def is_answered(record: dict[str, Any]) -> bool:
    """Tell whether a line of batch output holds an answer, whatever it is worth."""
    response = record.get("response")
    return not record.get("error") and isinstance(response, dict) and response.get("status_code") == 200


def _ends_a_line(path: Path) -> bool:
    with path.open("rb") as file:
        if file.seek(0, os.SEEK_END) == 0:
            return True
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


def _line(record: dict[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n"
