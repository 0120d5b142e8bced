"""Tables of estimates as Markdown: to be read on a terminal of any width, piped, or put into a page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from cli.console import out

if TYPE_CHECKING:
    from evaluation.bootstrap import Interval


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table under its title; cells are padded to the width of their column."""
    widths = [max(len(cell) for cell in column) for column in zip(columns, *rows, strict=True)]
    lines = [_line(columns, widths), f"|{'|'.join('-' * (width + 2) for width in widths)}|"]
    lines += [_line(row, widths) for row in rows]
    out.print("\n".join([title, "", *lines]), markup=False, highlight=False, soft_wrap=True)


def shown(interval: Interval) -> str:
    """Return an estimate with its interval; a dash where it is undefined."""
    if math.isnan(interval.estimate):
        return "–"
    bounds = "" if math.isnan(interval.low) else f" ({interval.low:.2f} to {interval.high:.2f})"
    return f"{interval.estimate:.2f}{bounds}"


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return f"| {' | '.join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True))} |"
