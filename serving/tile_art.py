"""The drawings of product tiles, for pages written as one file: the table and the symbols of the hub's own modules."""

from __future__ import annotations

import hashlib
import json
import re
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

STATIC_DIR = Path(__file__).resolve().parent / "hub" / "static"
_HUE_SPREAD = 14
_PRODUCE = "produce"
_SYMBOL = re.compile(r'<symbol id="([\w-]+)".*?</symbol>')


class TileArt(NamedTuple):
    """A drawing: its symbol in ``art.svg`` and the hue (degrees) of its tint."""

    symbol: str
    hue: int


def tile_art(product_id: str, name: str, aisle: str, department: str) -> TileArt:
    """Return the drawing of a product: by its aisle, within produce by its name; the catalogue has no photographs."""
    table = _table()
    shelf = table["departments"].get(department.casefold())
    symbol = table["aisles"].get(aisle.casefold()) or (shelf or table["departments"]["other"])["symbol"]
    if department.casefold() == _PRODUCE:
        known = [word for word in re.split(r"[^a-z]+", name.casefold()) if word in table["produce_words"]]
        symbol = table["produce_words"][known[-1]] if known else symbol
    hue = table["symbol_hues"].get(symbol) or (shelf["hue"] if shelf else _digest(department) % 360)
    return TileArt(symbol, hue + _digest(product_id) % (2 * _HUE_SPREAD) - _HUE_SPREAD)


@lru_cache(maxsize=1)
def symbols() -> dict[str, str]:
    """Return the ``<symbol>`` elements of the drawings by their ids."""
    found = _SYMBOL.finditer((STATIC_DIR / "art.svg").read_text(encoding="utf-8"))
    return {match[1]: match[0] for match in found}


@lru_cache(maxsize=1)
def _table() -> dict[str, Any]:
    table: dict[str, Any] = json.loads((STATIC_DIR / "art.json").read_text(encoding="utf-8"))
    return table


def _digest(text: str) -> int:
    return int(hashlib.sha256(text.encode()).hexdigest()[:8], 16)
