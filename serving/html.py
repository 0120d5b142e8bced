"""Pages as one self-contained HTML file: carousels of product tiles by theme, reasons on demand, no outside asset."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from state.placement import Page

TEMPLATES_DIR = Path(__file__).resolve().parent / "templates"

_ICONS = {
    "alcohol": "🍷",
    "babies": "🍼",
    "bakery": "🍞",
    "beverages": "🥤",
    "breakfast": "🥣",
    "bulk": "🫘",
    "canned goods": "🥫",
    "dairy eggs": "🥛",
    "deli": "🥪",
    "dry goods pasta": "🍝",
    "frozen": "🧊",
    "household": "🧻",
    "international": "🍜",
    "meat seafood": "🥩",
    "pantry": "🫙",
    "personal care": "🧼",
    "pets": "🐾",
    "produce": "🥬",
    "snacks": "🍿",
}
_OTHER_ICON = "🛒"


def tile_icon(department: str) -> str:
    """Return the neutral picture of a product tile: the catalogue has no photographs."""
    return _ICONS.get(department.casefold(), _OTHER_ICON)


def tile_hue(aisle: str) -> int:
    """Return the hue (degrees) of a product tile: the same for every product of an aisle."""
    return int(hashlib.sha256(aisle.encode()).hexdigest(), 16) % 360


@lru_cache(maxsize=1)
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES_DIR),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["tile_icon"] = tile_icon
    environment.filters["tile_hue"] = tile_hue
    return environment


def render_html(pages: Sequence[Page]) -> str:
    """Return the HTML document of ``pages``; every text in it is escaped."""
    return _environment().get_template("pages.html.jinja").render(pages=pages)


def write_html(pages: Sequence[Page], path: Path) -> None:
    """Write the HTML document of ``pages`` to ``path``, whole or not at all.

    Raises:
        OSError: the file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(render_html(pages), encoding="utf-8")
    os.replace(partial, path)
