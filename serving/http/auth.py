"""Who calls, and what they may: API keys with scopes, shopper tokens, and the open mode of one machine."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, get_args
from urllib.parse import urlsplit

from fastapi import Depends, Path
from starlette.requests import Request

from serving.http.problems import Problem, whole_seconds
from serving.http.rates import RateLimit
from serving.http.shapes import ForeignId
from serving.http.tokens import TokenRefused, read_token
from state.http import HttpSettings, Scope, is_loopback

ALL_SCOPES: frozenset[Scope] = frozenset(get_args(Scope))


@dataclass(frozen=True)
class Caller:
    """An authenticated caller. ``shopper_id`` is set for a shopper token: no other shopper is within its reach."""

    name: str
    scopes: frozenset[Scope]
    shopper_id: str | None = None

    def may_touch(self, shopper_id: str) -> bool:
        return self.shopper_id is None or self.shopper_id == shopper_id


class Gate:
    """Tells callers apart, checks scopes, and holds them to their rates."""

    def __init__(self, settings: HttpSettings) -> None:
        self._settings = settings
        self._requests = RateLimit(settings.requests_per_s, settings.burst)
        self._refusals = RateLimit(settings.refusals_per_minute / 60, max(1, int(settings.refusals_per_minute)))
        self._regenerations = RateLimit(
            settings.regenerations_per_minute / 60, max(1, int(settings.regenerations_per_minute))
        )

    def admit(self, request: Request, scope: Scope) -> Caller:
        """Return who calls.

        Raises:
            Problem: 401 unknown, 403 not allowed, 429 too often.
        """
        address = request.client.host if request.client else "unknown"
        caller = self._open_caller(request, address) if self._settings.open else self._proven(request, address)
        if wait := self._requests.wait_s(caller.name):
            raise too_often(wait, "Too many requests.")
        if scope not in caller.scopes:
            raise Problem(403, "scope", f"This needs the scope '{scope}'.", needed=scope)
        return caller

    def count_regeneration(self, caller: Caller) -> None:
        """Count a regeneration that ``caller`` asked for.

        Raises:
            Problem: 429, it asked for too many.
        """
        if wait := self._regenerations.wait_s(caller.name):
            raise too_often(wait, "Too many regenerations asked for.")

    def _open_caller(self, request: Request, address: str) -> Caller:
        """Admit callers of this machine; web pages of other origins that use their browser are none."""
        host = request.headers.get("host", "")
        local = is_loopback(address) and is_loopback(urlsplit(f"//{host}").hostname or "")
        if not local:
            raise Problem(
                403, "open-mode", "No keys are set: only this machine is answered. Set http.keys to open to others."
            )
        origin = request.headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != host:
            raise Problem(403, "foreign-origin", "A page of another origin asked for this.")
        return Caller(f"open:{address}", ALL_SCOPES)

    def _proven(self, request: Request, address: str) -> Caller:
        if wait := self._refusals.peek_s(address):
            raise too_often(wait, "Too many requests without a valid key.")
        kind, _, proof = request.headers.get("authorization", "").partition(" ")
        try:
            if kind.casefold() != "bearer" or not proof:
                raise TokenRefused("Send 'Authorization: Bearer KEY'.")
            return self._by_key(proof.strip()) or self._by_token(proof.strip())
        except TokenRefused as refused:
            self._refusals.wait_s(address)
            raise Problem(401, "not-authenticated", str(refused), {"WWW-Authenticate": "Bearer"}) from None

    def _by_key(self, proof: str) -> Caller | None:
        digest = hashlib.sha256(proof.encode("utf-8", "surrogateescape")).hexdigest()
        for key in self._settings.keys:
            if hmac.compare_digest(key.sha256, digest):
                return Caller(f"key:{key.name}", key.scopes)
        return None

    def _by_token(self, proof: str) -> Caller:
        if self._settings.token_secret is None or proof.count(".") != 2:
            raise TokenRefused("The key is not known here.")
        token = read_token(self._settings.token_secret, proof)
        return Caller(f"shopper:{token.shopper_id}", token.scopes, token.shopper_id)


def too_often(wait_s: float, detail: str) -> Problem:
    return Problem(429, "too-often", detail, {"Retry-After": whole_seconds(wait_s)})


def needs(scope: Scope) -> Callable[[Request], Awaitable[Caller]]:
    """Return the dependency that admits callers with ``scope``."""

    async def admitted(request: Request) -> Caller:
        gate: Gate = request.app.state.gate
        return gate.admit(request, scope)

    return admitted


Reader = Annotated[Caller, Depends(needs("read"))]
Writer = Annotated[Caller, Depends(needs("write"))]
Admin = Annotated[Caller, Depends(needs("admin"))]

ShopperId = Annotated[ForeignId, Path(description="A shopper of the imported orders; any other is new.")]


def own_shopper(caller: Caller, shopper_id: str) -> None:
    """Let ``caller`` on to ``shopper_id``.

    Raises:
        Problem: 403, its token is another shopper's. It says the same of shoppers that exist and of others.
    """
    if not caller.may_touch(shopper_id):
        raise Problem(403, "other-shopper", "The token is another shopper's.")


def whole_shop(caller: Caller) -> None:
    """Let ``caller`` on to what is of no single shopper.

    Raises:
        Problem: 403, it has a shopper's token.
    """
    if caller.shopper_id is not None:
        raise Problem(403, "shopper-token", "A shopper's token reaches that shopper's pages alone.")
