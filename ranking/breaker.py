"""A circuit breaker: after some faults in a row a service is left alone for a while."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class CircuitBreaker:
    """Counts faults in a row; open, it lets nothing through for ``pause_s``, then one trial call at a time.

    The pattern is Nygard's ("Release It!", 2007). Safe to share between threads.
    """

    def __init__(self, *, max_faults: int, pause_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._max_faults = max_faults
        self._pause_s = pause_s
        self._clock = clock
        self._lock = threading.Lock()
        self._faults = 0
        self._closed_again_at = 0.0
        self._trying = False

    def may_call(self) -> bool:
        """Tell whether a call may be made now; every True is to be followed by :meth:`worked` or :meth:`failed`."""
        with self._lock:
            if self._faults < self._max_faults:
                return True
            if self._trying or self._clock() < self._closed_again_at:
                return False
            self._trying = True
            return True

    def worked(self) -> None:
        with self._lock:
            self._faults = 0
            self._trying = False

    def failed(self) -> None:
        with self._lock:
            self._faults += 1
            self._trying = False
            if self._faults >= self._max_faults:
                self._closed_again_at = self._clock() + self._pause_s
