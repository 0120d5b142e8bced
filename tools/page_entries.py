"""What the page store keeps, and under which keys: entries as JSON values, labels that any foreign id fits in."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self
from urllib.parse import quote

from pydantic import ValidationError

from state.cached import RunSummary
from state.errors import PageUnreadable
from state.llm import CallRecord
from state.placement import Page, Versions

_LABEL_LIMIT = 200
_DROPS_QUOTED = 10


def page_key(versions: Versions) -> str:
    """Return the store key of a page made with ``versions``."""
    return hashlib.sha256(json.dumps(versions.model_dump(), sort_keys=True).encode()).hexdigest()[:16]


def label(foreign_id: str) -> str:
    """Return ``foreign_id`` as a namespace label or key: not empty, no dot, no control character, not too long.

    Ids stay apart: ``=`` never stands in a percent-encoded id, so no id is mistaken for another one's digest.
    """
    encoded = quote(foreign_id, safe="", errors="surrogatepass").replace(".", "%2E")
    if 0 < len(encoded) <= _LABEL_LIMIT:
        return encoded
    return f"={hashlib.sha256(foreign_id.encode('utf-8', 'surrogatepass')).hexdigest()}"


@dataclass(frozen=True)
class PageEntry:
    """A stored page, not yet decoded. ``revision`` is another one for every page stored."""

    shopper_id: str
    revision: str
    made_at: datetime
    expires_at: datetime | None
    versions: Versions
    fallback: bool
    page_json: str

    @classmethod
    def of_page(cls, page: Page, ttl_hours: float | None) -> Self:
        expires = page.created_at + timedelta(hours=ttl_hours) if ttl_hours else None
        return cls(
            shopper_id=page.shopper_id,
            revision=uuid.uuid4().hex,
            made_at=page.created_at,
            expires_at=expires,
            versions=page.versions,
            fallback=page.fallback,
            page_json=page.model_dump_json(),
        )

    @classmethod
    def of_value(cls, shopper_id: str, value: dict[str, Any]) -> Self:
        """Read what :meth:`value` wrote.

        Raises:
            PageUnreadable: the value is something else, or another shopper's page.
        """
        try:
            expires = value["expires_at"]
            entry = cls(
                shopper_id=shopper_id,
                revision=str(value["revision"]),
                made_at=_aware(value["made_at"]),
                expires_at=_aware(expires) if expires else None,
                versions=Versions.model_validate(value["versions"]),
                fallback=bool(value["fallback"]),
                page_json=value["page"],
            )
        except (KeyError, TypeError, ValueError) as error:
            raise unreadable(shopper_id, f"{type(error).__name__} in its envelope") from error
        if value.get("shopper") != label(shopper_id):
            raise unreadable(shopper_id, "it is another shopper's")
        return entry

    def value(self) -> dict[str, Any]:
        """Return the entry as the store keeps it.

        The page stays one string: stores need not take it apart, and Postgres takes a NUL in JSON only that way.
        """
        return {
            "shopper": label(self.shopper_id),
            "revision": self.revision,
            "made_at": self.made_at.isoformat(),
            "expires_at": self.expires_at.isoformat() if self.expires_at else None,
            "versions": self.versions.model_dump(),
            "fallback": self.fallback,
            "page": self.page_json,
        }

    def page(self) -> Page:
        """Decode the page.

        Raises:
            PageUnreadable: it is not a page, or another shopper's.
        """
        try:
            page = Page.model_validate_json(self.page_json)
        except ValidationError as error:
            raise unreadable(self.shopper_id, f"{error.error_count()} problems") from error
        if page.shopper_id != self.shopper_id:
            raise unreadable(self.shopper_id, "it is another shopper's")
        return page

    def expired(self, now: datetime) -> bool:
        return self.expires_at is not None and self.expires_at <= now


def unreadable(shopper_id: str, why: str) -> PageUnreadable:
    return PageUnreadable(
        f"the stored page of shopper {shopper_id!r} cannot be read ({why}). Make it anew: shelfwise page {shopper_id}"
    )


def _aware(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time without its zone")
    return moment


def calls_value(calls: Sequence[CallRecord]) -> dict[str, Any]:
    """Return chat calls as the store keeps them."""
    return {"calls": [call.model_dump_json() for call in calls]}


def calls_of(value: dict[str, Any]) -> list[CallRecord]:
    """Read what :func:`calls_value` wrote.

    Raises:
        PageUnreadable: the value is something else.
    """
    try:
        return [CallRecord.model_validate_json(record) for record in value["calls"]]
    except (KeyError, TypeError, ValidationError) as error:
        raise PageUnreadable("the recorded chat calls of the page cannot be read. Make the page anew.") from error


def summary_of(page: Page) -> RunSummary:
    """Return the run that made ``page`` in a few lines."""
    spent = list(page.usage.values())
    return RunSummary(
        shopper_id=page.shopper_id,
        made_at=page.created_at,
        versions=page.versions,
        kept=len(page.placements),
        dropped=len(page.dropped),
        drop_reasons=dict(Counter(dropped.guard for dropped in page.dropped)),
        drops=[f"{dropped.title}: {dropped.reasons[0]}" for dropped in page.dropped[:_DROPS_QUOTED]],
        calls=sum(phase.calls for phase in spent),
        tokens_in=sum(phase.tokens_in for phase in spent),
        tokens_out=sum(phase.tokens_out for phase in spent),
        cost_usd=sum(phase.cost_usd for phase in spent),
        seconds=page.seconds,
        cold=page.cold,
        fell_back=page.fallback,
        fallback_reason=page.fallback_reason,
    )
