"""Shopper tokens: signed, expiring leave to act for one shopper (JWT, HS256), which any backend can issue."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import jwt
from pydantic import SecretStr

from state.errors import SettingsError
from state.http import Scope

AUDIENCE = "shelfwise"
ALGORITHM = "HS256"
GRANTABLE: frozenset[Scope] = frozenset({"read", "write"})
LONGEST = timedelta(days=31)
"""No token lives longer: one that leaked ends by itself."""


class TokenRefused(Exception):
    """The token is not one of ours, or not valid any more; the message may be shown to its bearer."""


@dataclass(frozen=True)
class ShopperToken:
    """What a token grants: these scopes, on this shopper alone."""

    shopper_id: str
    scopes: frozenset[Scope]


def issue_token(
    secret: SecretStr | None,
    shopper_id: str,
    lifetime: timedelta,
    scopes: Iterable[Scope] = ("read", "write"),
    now: datetime | None = None,
) -> str:
    """Return a token for ``shopper_id``.

    Raises:
        SettingsError: no secret is set, the lifetime is out of bounds, or a scope cannot be granted to a shopper.
    """
    granted = frozenset(scopes)
    if secret is None:
        raise SettingsError("no token secret. Set SHELFWISE_HTTP__TOKEN_SECRET (make one: openssl rand -hex 32).")
    if not timedelta(0) < lifetime <= LONGEST:
        raise SettingsError(f"a token lives between a moment and {LONGEST.days} days.")
    if not granted or not granted <= GRANTABLE:
        raise SettingsError(f"a shopper's token grants {' and '.join(sorted(GRANTABLE))}, nothing else.")
    issued = now or datetime.now(UTC)
    claims = {
        "sub": shopper_id,
        "aud": AUDIENCE,
        "iat": issued,
        "exp": issued + lifetime,
        "scope": " ".join(sorted(granted)),
    }
    return jwt.encode(claims, secret.get_secret_value(), algorithm=ALGORITHM)


def read_token(secret: SecretStr, text: str) -> ShopperToken:
    """Return what a token grants.

    Raises:
        TokenRefused: it is forged, expired, of another use, or grants what no token may.
    """
    try:
        claims = jwt.decode(
            text,
            secret.get_secret_value(),
            algorithms=[ALGORITHM],
            audience=AUDIENCE,
            options={"require": ["sub", "aud", "iat", "exp"]},
        )
    except jwt.ExpiredSignatureError:
        raise TokenRefused("The token has expired. Ask for another one.") from None
    except jwt.InvalidTokenError:
        raise TokenRefused("The token is not valid here.") from None
    scopes = frozenset(str(claims.get("scope", "")).split())
    if claims["exp"] - claims["iat"] > LONGEST.total_seconds() or not claims["sub"] or not scopes <= GRANTABLE:
        raise TokenRefused("The token is not valid here.")
    return ShopperToken(claims["sub"], frozenset(scope for scope in GRANTABLE if scope in scopes))
