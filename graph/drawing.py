"""Writes the drawing of each graph into the docs, between markers: ``python -m graph.drawing docs/architecture.md``."""

from __future__ import annotations

import re
import sys
from pathlib import Path


def mermaid() -> str:
    """Return the page graph, its placement subgraph drawn inside, as a Mermaid diagram."""
    from graph.page import graph

    return graph.get_graph(xray=True).draw_mermaid().strip()


def with_drawing(text: str) -> str:
    """Return ``text`` with the drawing between its ``<!-- graph:page -->`` markers.

    Raises:
        ValueError: the markers are not there.
    """
    drawn = f"<!-- graph:page -->\n```mermaid\n{mermaid()}\n```\n<!-- /graph:page -->"
    replaced, count = re.subn(r"<!-- graph:page -->.*?<!-- /graph:page -->", lambda _: drawn, text, flags=re.DOTALL)
    if count != 1:
        raise ValueError("the document needs one pair of <!-- graph:page --> ... <!-- /graph:page --> markers")
    return replaced


if __name__ == "__main__":
    for name in sys.argv[1:]:
        Path(name).write_text(with_drawing(Path(name).read_text(encoding="utf-8")), encoding="utf-8")
