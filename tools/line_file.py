"""A file of JSON objects, one a line, that grows while work is done and is continued after an interruption."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Self

from state.errors import ShelfwiseError, StoreError

KeyOf = Callable[[Any], str | None]
"""The key of a decoded line; None: to be made again. Raises KeyError, TypeError or ValueError on something else."""


class LineFile:
    """Each line goes to the disk whole before the next.

    Opening drops lines that are to be made again and a last line that an interruption cut off.
    """

    def __init__(self, path: Path, lines: dict[str, str], error: type[ShelfwiseError]) -> None:
        self.path = path
        self._lines = lines
        self._error = error

    @classmethod
    def open(cls, path: Path, key_of: KeyOf, *, holds: str, error: type[ShelfwiseError] = StoreError) -> Self:
        """Open ``path`` to continue it, or start it. ``holds`` says what a line is ("a page") where it is not.

        Raises:
            ShelfwiseError: of the given class: the file is something else, and stays as it is, or cannot be used.
        """
        try:
            content = path.read_bytes() if path.exists() else b""
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as problem:
            raise error(f"cannot use {path} for output: {problem}. Name another file.") from problem
        lines: dict[str, str] = {}
        # Only "\n" ends a line: names may hold other separators.
        rows = content.split(b"\n")
        for number, raw in enumerate(rows, start=1):
            cut_off = number == len(rows) and raw.startswith(b"{")
            if not raw.strip():
                continue
            try:
                text = raw.decode("utf-8")
                key = key_of(json.loads(text))
            except (ValueError, KeyError, TypeError, RecursionError) as problem:
                if cut_off:
                    continue
                raise error(
                    f"{path}, line {number} is not {holds} ({type(problem).__name__}: {problem}). "
                    "Name another output file, or move this one away."
                ) from None
            if key is not None:
                lines[key] = text
        file = cls(path, lines, error)
        if file._content() != content or not path.exists():
            file._rewrite()
        return file

    @property
    def keys(self) -> frozenset[str]:
        """The keys of the lines that need not be made again."""
        return frozenset(self._lines)

    def line(self, key: str) -> str | None:
        """Return the line under ``key``, None where it is not there or is to be made again."""
        return self._lines.get(key)

    def append(self, key: str, line: str, *, again: bool = False) -> None:
        """Add a line and force it to the disk; ``again``: the next opening drops it, so that it is made again.

        Raises:
            ShelfwiseError: it cannot be written; the lines so far are kept.
        """
        if not again:
            self._lines[key] = line
        try:
            with self.path.open("ab") as file:
                file.write(f"{line}\n".encode())
                file.flush()
                os.fsync(file.fileno())
        except OSError as problem:
            raise self._error(f"cannot write {self.path}: {problem}. Lines so far are kept.") from problem

    def write_in_order(self, keys: Iterable[str], failed: dict[str, str]) -> None:
        """Put the lines in the order of ``keys``, those of ``failed`` among them, others at the end.

        Raises:
            ShelfwiseError: it cannot be written; what is there stays.
        """
        every = {**self._lines, **failed}
        ordered = {key: every[key] for key in keys if key in every} | every
        self._replace("".join(f"{line}\n" for line in ordered.values()).encode())

    def _content(self) -> bytes:
        return "".join(f"{line}\n" for line in self._lines.values()).encode()

    def _rewrite(self) -> None:
        self._replace(self._content())

    def _replace(self, content: bytes) -> None:
        partial = self.path.with_name(f".{self.path.name}.partial")
        try:
            with partial.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(partial, self.path)
        except OSError as problem:
            raise self._error(f"cannot write {self.path}: {problem}. Name another file.") from problem
