"""Pages as one self-contained HTML file: carousels of product tiles by theme, reasons on demand, no outside asset."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from serving.tile_art import STATIC_DIR, symbols, tile_art
from state.placement import Page

TEMPLATES_DIR = Path(__file__).resolve().parent / "templates"


@lru_cache(maxsize=1)
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader([TEMPLATES_DIR, STATIC_DIR]),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["art"] = lambda product: tile_art(product.id, product.name, product.aisle, product.department)
    return environment


def render_html(pages: Sequence[Page]) -> str:
    """Return the HTML document of ``pages``; every text in it is escaped."""
    shown = (product for page in pages for placement in page.placements for product in placement.products)
    used = {tile_art(product.id, product.name, product.aisle, product.department).symbol for product in shown}
    drawings = [Markup(drawn) for name, drawn in symbols().items() if name in used]  # noqa: S704 - our own file
    return _environment().get_template("pages.html.jinja").render(pages=pages, drawings=drawings)


def write_html(pages: Sequence[Page], path: Path) -> None:
    """Write the HTML document of ``pages`` to ``path``, whole or not at all.

    Raises:
        OSError: the file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(render_html(pages), encoding="utf-8")
    os.replace(partial, path)
