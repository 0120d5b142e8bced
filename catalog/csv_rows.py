"""CSV rows with the line each starts on, whatever is quoted across lines, and recovery after an unclosed quote."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, TextIO

from catalog.problems import InputUnreadable

DELIMITERS = (",", ";", "\t", "|")
# A record longer than this is an unclosed quote that swallows the file, not a product.
MAX_RECORD_LINES = 50
SNIFF_BYTES = 65_536


class Row(NamedTuple):
    """One record: its first line, its fields, and why it cannot be split into fields (then ``fields`` is the text)."""

    line: int
    fields: list[str]
    problem: str | None = None


class _Lines:
    """Physical lines that can be read again from a given line after a failed record."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._again: deque[str] = deque()
        self._record: list[str] = []
        self.taken = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if len(self._record) >= MAX_RECORD_LINES:
            raise csv.Error(f"quote not closed within {MAX_RECORD_LINES} lines")
        line = self._again.popleft() if self._again else next(self._stream)
        self.taken += 1
        self._record.append(line)
        return line

    def start_record(self) -> None:
        self._record.clear()

    def resume_after_first(self) -> str:
        """Put back all lines of the failed record but the first, which is returned."""
        first, *rest = self._record
        self._again.extendleft(reversed(rest))
        self.taken -= len(rest)
        return first


def check_text(path: Path) -> None:
    """Refuse what is no UTF-8 text.

    Raises:
        InputUnreadable: the file is empty, compressed, binary, UTF-16 or in another encoding.
    """
    with path.open("rb") as stream:
        head = stream.read(SNIFF_BYTES)
    if not head.strip():
        raise InputUnreadable(f"{path}: the file is empty. Export it again.")
    if head.startswith(b"\x1f\x8b") or head.startswith(b"PK\x03\x04"):
        raise InputUnreadable(f"{path}: the file is compressed or a spreadsheet. Unpack it or save it as CSV (UTF-8).")
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) or head[:40].count(0) > 10:
        raise InputUnreadable(f"{path}: the encoding is UTF-16, not UTF-8. {_convert(path, 'utf-16')}")
    if b"\x00" in head:
        raise InputUnreadable(f"{path}: this is a binary file, not CSV. Give a CSV (UTF-8) or a Parquet file.")


def _convert(path: Path, encoding: str) -> str:
    return f"Convert it: iconv -f {encoding} -t utf-8 {path.name} > utf8.csv"


def open_text(path: Path) -> TextIO:
    """Open for the csv module: UTF-8, a byte-order mark skipped, line ends untouched."""
    return path.open("r", encoding="utf-8-sig", newline="")


def wrong_encoding(path: Path) -> InputUnreadable:
    """Say on which line the file stops being UTF-8."""
    with path.open("rb") as stream:
        for number, line in enumerate(stream, start=1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as error:
                byte = line[error.start]
                return InputUnreadable(
                    f"{path}:{number}: byte 0x{byte:02x} is not UTF-8 (the file may be Latin-1 or Windows-1252). "
                    + _convert(path, "windows-1252")
                )
    return InputUnreadable(f"{path}: the file is not UTF-8. {_convert(path, 'windows-1252')}")


def read_rows(stream: TextIO, delimiter: str) -> Iterator[Row]:
    """Yield every record after the header's position in ``stream``; blank lines are skipped.

    A record that breaks the quoting yields a Row with ``problem`` and reading goes on at the next line, so that an
    unclosed quote costs one row.
    """
    lines = _Lines(stream)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        start = lines.taken + 1
        lines.start_record()
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            first = lines.resume_after_first()
            yield Row(start, [first.rstrip("\r\n")], f"broken quoting: {error}")
            reader = csv.reader(lines, delimiter=delimiter, strict=True)
            continue
        if fields:
            yield Row(start, fields)


def pick_delimiter(header_line: str, known: tuple[str, ...]) -> str:
    """Return the delimiter that splits the header into the most known columns; a comma when none does."""

    def matches(delimiter: str) -> int:
        names = next(csv.reader([header_line], delimiter=delimiter), [])
        return sum(name.strip().lower() in known for name in names)

    return max(DELIMITERS, key=matches)
