"""Writes the drawing of each graph into the docs, between markers: ``python -m graph.drawing docs/*.md``."""

from __future__ import annotations

import re
import sys
from importlib import import_module
from pathlib import Path


def mermaid(name: str) -> str:
    """Return the graph ``name`` (page, intent), subgraphs drawn inside, as a Mermaid diagram."""
    graph = import_module(f"graph.{name}").graph
    return str(graph.get_graph(xray=True).draw_mermaid()).strip()


def with_drawing(text: str) -> str:
    """Return ``text`` with the drawing between its ``<!-- graph:NAME -->`` and ``<!-- /graph:NAME -->`` markers.

    Raises:
        ValueError: no markers are there.
    """

    def drawn(match: re.Match[str]) -> str:
        name = match["name"]
        return f"<!-- graph:{name} -->\n```mermaid\n{mermaid(name)}\n```\n<!-- /graph:{name} -->"

    marked = r"<!-- graph:(?P<name>page|intent) -->.*?<!-- /graph:(?P=name) -->"
    replaced, count = re.subn(marked, drawn, text, flags=re.DOTALL)
    if not count:
        raise ValueError("the document needs <!-- graph:page --> ... <!-- /graph:page --> (or intent) markers")
    return replaced


if __name__ == "__main__":
    for name in sys.argv[1:]:
        Path(name).write_text(with_drawing(Path(name).read_text(encoding="utf-8")), encoding="utf-8")
