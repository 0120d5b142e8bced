"""Settings of the HTTP API: where it listens, who may call it, how much, and how generation runs beside it."""

from __future__ import annotations

import ipaddress
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

Scope = Literal["read", "write", "admin"]
_SECRET_BYTES = 32


class ApiKey(BaseModel):
    """A key by its SHA-256, so that the settings hold nothing that opens the door. ``shelfwise key`` makes both."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, max_length=60, pattern=r"^[\w.-]+$")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    scopes: frozenset[Scope] = Field(min_length=1)


class HttpSettings(BaseModel):
    """The HTTP API. Without ``keys`` and ``token_secret`` it is open, and then answers callers of this machine only."""

    model_config = ConfigDict(extra="forbid")

    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    demo: bool = Field(default=False, description="Lists shoppers to pick from, also where keys are set.")
    keys: list[ApiKey] = Field(default_factory=list)
    token_secret: SecretStr | None = Field(
        default=None, description="Signs shopper tokens (HMAC-SHA256): 32 random bytes or more."
    )
    cors_origins: list[str] = Field(default_factory=list, description="Origins whose pages may call the API. None.")

    requests_per_s: float = Field(default=50.0, gt=0, description="Of one key, shopper token or (open) address.")
    burst: int = Field(default=100, ge=1, description="Requests at once before that rate holds.")
    regenerations_per_minute: float = Field(default=12.0, gt=0, description="Asked for by one caller.")
    refusals_per_minute: float = Field(default=30.0, gt=0, description="Wrong keys and tokens from one address.")
    max_body_bytes: int = Field(default=256 * 1024, ge=1024)
    max_connections: int = Field(default=1000, ge=1, description="Connections and requests at once; others get 503.")
    max_url_bytes: int = Field(default=4096, ge=256)

    warm_s: float = Field(
        default=10.0,
        ge=0,
        description="For so long at most, a server that starts ranks the pages made last before it says it is ready.",
    )

    generations_at_once: int = Field(default=2, ge=1, le=32)
    generation_queue: int = Field(default=32, ge=0, description="Shoppers waiting; beyond it none is queued.")
    generation_timeout_s: float = Field(default=600.0, gt=0)
    generation_nice: int = Field(
        default=15,
        ge=0,
        le=19,
        description="Priority given up by the process that generates, so that serving is quick.",
    )

    query_timeout_s: float = Field(default=10.0, gt=0, description="A query that is not understood by then gets 503.")
    queries_at_once: int = Field(default=2, ge=1, le=64, description="Queries that are read at a time.")
    query_queue: int = Field(default=32, ge=0, description="Queries that wait to be read; beyond it, 503.")

    otlp_endpoint: str | None = Field(
        default=None, pattern=r"^https?://", description="Traces go there (OTLP over HTTP, needs the extra 'otel')."
    )

    @field_validator("token_secret")
    @classmethod
    def _long_enough(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is not None and len(secret.get_secret_value().encode()) < _SECRET_BYTES:
            raise ValueError(f"token_secret has {_SECRET_BYTES} bytes or more (make one: openssl rand -hex 32)")
        return secret

    @field_validator("keys")
    @classmethod
    def _told_apart(cls, keys: list[ApiKey]) -> list[ApiKey]:
        if len({key.name for key in keys}) < len(keys) or len({key.sha256 for key in keys}) < len(keys):
            raise ValueError("two keys share a name or a hash")
        return keys

    @field_validator("cors_origins")
    @classmethod
    def _named_origins(cls, origins: list[str]) -> list[str]:
        if any(not origin.startswith(("http://", "https://")) for origin in origins):
            raise ValueError("an origin is written https://shop.example; '*' is not accepted")
        return origins

    @property
    def open(self) -> bool:
        """True when nobody has to prove who they are: only callers of this machine are answered then."""
        return not self.keys and self.token_secret is None

    @property
    def shows_shoppers(self) -> bool:
        return self.demo or self.open


def is_loopback(host: str) -> bool:
    """Tell whether ``host`` (a name or an address, IPv6 in brackets or not) is this machine alone."""
    name = host.strip("[]").partition("%")[0]
    if name.casefold() == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
