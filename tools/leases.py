"""Leases: who may do a thing that only one process at a time should do. A lease expires by itself."""

from __future__ import annotations

import time
import uuid
from types import TracebackType
from typing import Protocol, Self


class Leases(Protocol):
    """Named leases in a store that processes share. Errors of the store pass through."""

    async def take(self, name: str, holder: str, seconds: float) -> bool:
        """Take the lease ``name`` for ``seconds``. Returns False while another holder has it."""
        ...

    async def renew(self, name: str, holder: str, seconds: float) -> bool:
        """Extend a lease that ``holder`` still has. Returns False if it is lost."""
        ...

    async def release(self, name: str, holder: str) -> None:
        """Give a lease back; no more than a wish if it was lost."""
        ...


class Lease:
    """A lease taken. Use it as ``async with``: leaving gives it back."""

    def __init__(self, leases: Leases, name: str, holder: str, seconds: float) -> None:
        self._leases = leases
        self.name = name
        self.holder = holder
        self.seconds = seconds

    @classmethod
    async def take(cls, leases: Leases, name: str, seconds: float) -> Self | None:
        """Return the lease ``name``, None while another one has it."""
        holder = uuid.uuid4().hex
        return cls(leases, name, holder, seconds) if await leases.take(name, holder, seconds) else None

    async def renew(self) -> bool:
        """Extend the lease by its full time from now. Returns False if it was lost."""
        return await self._leases.renew(self.name, self.holder, self.seconds)

    async def release(self) -> None:
        await self._leases.release(self.name, self.holder)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.release()


class LocalLeases:
    """Leases within one process: for stores that live in memory."""

    def __init__(self) -> None:
        self._held: dict[str, tuple[str, float]] = {}

    async def take(self, name: str, holder: str, seconds: float) -> bool:
        _, until = self._held.get(name, ("", 0.0))
        if until > time.monotonic():
            return False
        self._held[name] = holder, time.monotonic() + seconds
        return True

    async def renew(self, name: str, holder: str, seconds: float) -> bool:
        owner, until = self._held.get(name, ("", 0.0))
        if owner != holder or until <= time.monotonic():
            return False
        self._held[name] = holder, time.monotonic() + seconds
        return True

    async def release(self, name: str, holder: str) -> None:
        if self._held.get(name, ("", 0.0))[0] == holder:
            del self._held[name]
