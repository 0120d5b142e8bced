"""One page a line: the JSONL file of a batch, continued after an interruption, never left half-written."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from state.placement import Page
from tools.line_file import LineFile

if TYPE_CHECKING:
    from serving.pages import PageResult


class BatchFile:
    """Lines are pages, or ``{"shopper_id", "error"}``. ``done`` holds the ids of those that need not be made again.

    Opening a file drops the lines of failed shoppers and a last line that an interruption cut off.
    """

    def __init__(self, lines: LineFile) -> None:
        self._lines = lines

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open ``path`` to continue it, or start it.

        Raises:
            StoreError: a line other than the last is no page: the file is something else, and stays as it is.
        """
        return cls(LineFile.open(path, _shopper, holds="a page"))

    @property
    def path(self) -> Path:
        return self._lines.path

    @property
    def done(self) -> frozenset[str]:
        return self._lines.keys

    def append(self, result: PageResult) -> None:
        """Add one result and force it to the disk."""
        if result.page is not None:
            self._lines.append(result.shopper_id, result.page.model_dump_json())
        else:
            line = json.dumps({"shopper_id": result.shopper_id, "error": result.error}, ensure_ascii=False)
            self._lines.append(result.shopper_id, line, again=True)

    def pages(self, shopper_ids: Sequence[str]) -> Iterator[Page]:
        """Yield the pages of ``shopper_ids`` that are in the file, in that order."""
        for shopper_id in shopper_ids:
            if (line := self._lines.line(shopper_id)) is not None:
                yield Page.model_validate_json(line)


def _shopper(record: Any) -> str | None:
    shopper_id = str(record["shopper_id"])
    return None if "error" in record else shopper_id
