"""How fast requests may go out: an even pace, and the waits between the tries of one request."""

from __future__ import annotations

import asyncio
import email.utils
import time
from datetime import UTC, datetime

MAX_WAIT_S = 120.0


class Pace:
    """Lets one request start every ``60 / per_minute`` seconds, and none during a pause that the endpoint asked for."""

    def __init__(self, per_minute: float | None) -> None:
        self._gap_s = 60.0 / per_minute if per_minute else 0.0
        self._next = 0.0

    async def turn(self) -> None:
        """Wait for the next free start."""
        now = time.monotonic()
        start = max(now, self._next)
        self._next = start + self._gap_s
        await asyncio.sleep(max(0.0, start - now))

    def pause(self, seconds: float) -> None:
        """Start nothing for ``seconds``: when one request is told to wait, so are the others."""
        self._next = max(self._next, time.monotonic() + seconds)


def backoff_s(attempt: int, first_s: float) -> float:
    """Return the wait after failed try ``attempt`` (from 1): doubling, bounded."""
    return min(first_s * 2.0 ** (attempt - 1), MAX_WAIT_S)


def retry_after_s(header: str | None) -> float | None:
    """Return the seconds that a Retry-After header asks for (seconds or a date), bounded; None without a usable one."""
    if not header:
        return None
    try:
        seconds = float(header)
    except ValueError:
        try:
            when = email.utils.parsedate_to_datetime(header)
        except ValueError:
            return None
        seconds = (when.replace(tzinfo=when.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    return min(max(seconds, 0.0), MAX_WAIT_S) if seconds == seconds else None
