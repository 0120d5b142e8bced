"""How often a caller may ask: one virtual schedule per caller (GCRA), a number each, bounded in memory."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable


class RateLimit:
    """Lets ``burst`` calls through at once and ``per_second`` in the long run, for each caller.

    Counts in this process alone: behind several processes the limit is as many times as high.
    """

    def __init__(
        self,
        per_second: float,
        burst: int,
        *,
        callers: int = 20_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._interval = 1.0 / per_second
        self._slack = self._interval * (max(burst, 1) - 1)
        self._callers = callers
        self._now = clock
        self._due: OrderedDict[str, float] = OrderedDict()

    def wait_s(self, caller: str) -> float:
        """Count a call. Returns 0 when it may go on, else the seconds until one may (and counts nothing)."""
        now = self._now()
        due = max(self._due.get(caller, now), now)
        if (wait := due - now - self._slack) > 1e-9:
            return wait
        self._due[caller] = due + self._interval
        self._due.move_to_end(caller)
        while len(self._due) > self._callers:
            self._due.popitem(last=False)
        return 0.0

    def peek_s(self, caller: str) -> float:
        """Return what :meth:`wait_s` would, and count nothing."""
        return max(0.0, self._due.get(caller, 0.0) - self._now() - self._slack)
