"""How estimates are written on the terminal."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from evaluation.bootstrap import Interval


def shown(interval: Interval) -> str:
    """Return an estimate with its interval; a dash where it is undefined."""
    if math.isnan(interval.estimate):
        return "–"
    bounds = "" if math.isnan(interval.low) else f" ({interval.low:.2f} to {interval.high:.2f})"
    return f"{interval.estimate:.2f}{bounds}"
