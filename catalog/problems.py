"""What can be wrong with imported files: errors that end an import, and the record of a row left out."""

from __future__ import annotations

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
