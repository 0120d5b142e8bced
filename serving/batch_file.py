"""One page a line: the JSONL file of a batch, continued after an interruption, never left half-written."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self

from state.errors import StoreError
from state.placement import Page

if TYPE_CHECKING:
    from serving.pages import PageResult


class BatchFile:
    """Lines are pages, or ``{"shopper_id", "error"}``. Each write goes to the disk as one whole line.

    Opening a file drops the lines of failed shoppers and a last line that an interruption cut off: those shoppers are
    made again. ``done`` holds the ids of those that need not be.
    """

    def __init__(self, path: Path, lines: dict[str, str]) -> None:
        self.path = path
        self._lines = lines

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open ``path`` to continue it, or start it.

        Raises:
            StoreError: a line other than the last is no page: the file is something else, and stays as it is.
        """
        lines: dict[str, str] = {}
        try:
            text = path.read_text(encoding="utf-8") if path.exists() else ""
            path.parent.mkdir(parents=True, exist_ok=True)
        except (OSError, UnicodeDecodeError) as error:
            raise StoreError(f"cannot use {path} for output: {error}") from error
        whole, _, _cut_off = text.rpartition("\n")
        for number, line in enumerate(whole.split("\n") if whole else [], start=1):
            try:
                record = json.loads(line)
                shopper_id, failed = str(record["shopper_id"]), "error" in record
            except (ValueError, KeyError, TypeError) as error:
                raise StoreError(
                    f"{path}, line {number} is not a page: {error}. Name another output file, or move this one away."
                ) from error
            if not failed:
                lines[shopper_id] = line
        batch = cls(path, lines)
        batch._rewrite()
        return batch

    @property
    def done(self) -> frozenset[str]:
        return frozenset(self._lines)

    def append(self, result: PageResult) -> None:
        """Add one result and force it to the disk."""
        if result.page is not None:
            line = result.page.model_dump_json()
            self._lines[result.shopper_id] = line
        else:
            line = json.dumps({"shopper_id": result.shopper_id, "error": result.error}, ensure_ascii=False)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
            file.flush()
            os.fsync(file.fileno())

    def pages(self, shopper_ids: Sequence[str]) -> Iterator[Page]:
        """Yield the pages of ``shopper_ids`` that are in the file, in that order."""
        for shopper_id in shopper_ids:
            if shopper_id in self._lines:
                yield Page.model_validate_json(self._lines[shopper_id])

    def _rewrite(self) -> None:
        partial = self.path.with_name(f".{self.path.name}.partial")
        try:
            partial.write_text("".join(f"{line}\n" for line in self._lines.values()), encoding="utf-8")
            os.replace(partial, self.path)
        except OSError as error:
            raise StoreError(f"cannot write {self.path}: {error}") from error
