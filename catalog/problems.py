"""What can be wrong with imported files: errors that end an import, and the record of a row left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from state.errors import CatalogError


class InputUnreadable(CatalogError):
    """A file cannot be read as the documented table at all: exit code 2."""


class RowsRejected(CatalogError):
    """Rows were left out and the import was strict: exit code 3."""


class NothingUsable(CatalogError):
    """Not one row of a file is usable: exit code 4."""


class CatalogBusy(CatalogError):
    """The catalogue folder cannot be written (disk, permissions): exit code 5."""


class Reject(NamedTuple):
    """One row left out. ``line`` is the line of the file on which the row starts (of a Parquet file, the row)."""

    file: str
    line: int
    code: str
    reason: str
    content: str


# Of a file whose every row is wrong, this many rows are listed; all are counted.
MAX_LISTED = 100_000
MAX_CONTENT_CHARS = 500


@dataclass
class Rejects:
    """The rows an import leaves out: all counted by file and problem, the first ones of each file listed."""

    listed: list[Reject] = field(default_factory=list)
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, reject: Reject) -> None:
        """Count one row, and list it while there is room."""
        if len(self.listed) < MAX_LISTED:
            self.listed.append(reject._replace(content=reject.content[:MAX_CONTENT_CHARS]))
        self.counts[reject.file, reject.code] += 1

    def merge(self, others: Iterable[Rejects]) -> None:
        """Take in the rows of other lists of the same file; the listed ones are put in the order of the file."""
        for other in others:
            self.listed += other.listed
            self.counts += other.counts
        self.listed.sort(key=lambda reject: reject.line)
        del self.listed[MAX_LISTED:]

    def of_file(self, file: str) -> int:
        """Return how many rows of ``file`` are left out."""
        return sum(count for (name, _), count in self.counts.items() if name == file)

    def __len__(self) -> int:
        return self.counts.total()
