"""What the head cache keeps of a query, and what must hold for an answer before it is kept or given."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Self

from pydantic import ValidationError

from catalog.publishing import read_current
from state.catalog import Category
from state.intent import ATTRIBUTE_TYPES, LabelledQuery
from state.settings import Settings
from tools.labelled_queries import query_key
from tools.page_entries import label

FORMAT = "1"
"""Of the entries. Another one makes all that is stored invisible until it is published again."""
MAX_QUERY_CHARS = 200
"""Longer queries are no head queries."""


class EntryUnreadable(ValueError):
    """What lies in a query's place is no answer to it. The message holds no words of the query."""


@dataclass(frozen=True)
class Taxonomy:
    """The categories in force: ``version`` changes with them, ``paths`` are ``department > aisle``."""

    version: str
    paths: frozenset[str]

    @classmethod
    def of(cls, version: str, categories: Iterable[Category]) -> Self:
        return cls(version, frozenset(category.path for category in categories))

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """Read the categories of the catalogue in use.

        Raises:
            CatalogMissing, CatalogError: there is none, or it cannot be opened.
        """
        from catalog.warehouse import Warehouse

        read_current(settings.catalog_dir)
        warehouse = Warehouse.open(settings)
        try:
            return cls.of(warehouse.taxonomy_version, warehouse.categories())
        finally:
            warehouse.close()

    @property
    def entries_version(self) -> str:
        """The version under which entries are kept: of their format and of the categories that they may name."""
        return label(f"{FORMAT}-{self.version}")


@dataclass(frozen=True)
class IntentEntry:
    """An answer in the cache. ``source`` says where it came from, ``key`` is the query's."""

    key: str
    source: str
    made_at: datetime
    expires_at: datetime
    answer_json: str

    @classmethod
    def of_answer(cls, answer: LabelledQuery, source: str, now: datetime, ttl_hours: float) -> Self:
        return cls(
            key=query_key(answer.query),
            source=source,
            made_at=now,
            expires_at=now + timedelta(hours=ttl_hours),
            answer_json=answer.model_dump_json(),
        )

    @classmethod
    def of_value(cls, value: dict[str, Any], key: str | None = None) -> Self:
        """Read what :meth:`value` wrote; without ``key``, whosever it is.

        Raises:
            EntryUnreadable: the value is something else, or another query's.
        """
        try:
            if key is None:
                key = query_key(LabelledQuery.model_validate_json(value["answer"]).query)
            entry = cls(
                key=key,
                source=str(value["source"]),
                made_at=_aware(value["made_at"]),
                expires_at=_aware(value["expires_at"]),
                answer_json=value["answer"],
            )
        except (KeyError, TypeError, ValueError) as error:
            raise EntryUnreadable(f"{type(error).__name__} in its envelope") from error
        if value.get("key") != label(key):
            raise EntryUnreadable("it is another query's")
        return entry

    def value(self) -> dict[str, Any]:
        """Return the entry as a store keeps it; the answer stays one string (see ``PageEntry.value``)."""
        return {
            "key": label(self.key),
            "source": self.source,
            "made_at": self.made_at.isoformat(),
            "expires_at": self.expires_at.isoformat(),
            "answer": self.answer_json,
        }

    def answer(self) -> LabelledQuery:
        """Decode the answer.

        Raises:
            EntryUnreadable: it is no answer, or another query's.
        """
        try:
            answer = LabelledQuery.model_validate_json(self.answer_json)
        except ValidationError as error:
            raise EntryUnreadable(f"{error.error_count()} problems in its answer") from error
        if query_key(answer.query) != self.key:
            raise EntryUnreadable("its answer is another query's")
        return answer

    def expired(self, now: datetime) -> bool:
        return self.expires_at <= now


def fault_of(answer: LabelledQuery, taxonomy: Taxonomy) -> str | None:
    """Return why ``answer`` may not be cached, None if it may.

    Every role is words of the corrected query, every attribute of a known type, every category of the taxonomy in
    force; the query is not empty and not longer than a head query can be.
    """
    if not query_key(answer.query) or max(len(answer.query), len(answer.corrected)) > MAX_QUERY_CHARS:
        return "its query is empty or too long"
    if any(item.type not in ATTRIBUTE_TYPES for item in answer.attributes):
        return "an attribute of an unknown type"
    words = f" {' '.join(answer.corrected.split())} "
    if any(f" {' '.join(text.split())} " not in words for _, text in answer.spans()):
        return "a role that is not in the query"
    if not set(answer.categories) <= taxonomy.paths:
        return "a category that does not exist"
    return None


def _aware(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time without its zone")
    return moment


def revalidated(
    value: dict[str, Any], taxonomy: Taxonomy, now: datetime
) -> tuple[IntentEntry, None] | tuple[None, str]:
    """Return the stored entry as ``taxonomy`` lets it be given, categories that are no more left out; or why not."""
    try:
        entry = IntentEntry.of_value(value)
        answer = entry.answer()
    except EntryUnreadable:
        return None, "damaged"
    if entry.expired(now):
        return None, "expired"
    known = [path for path in answer.categories if path in taxonomy.paths]
    if answer.categories and not known:
        return None, "none of its categories exists any more"
    answer = answer.model_copy(update={"categories": known})
    if fault := fault_of(answer, taxonomy):
        return None, fault
    return replace(entry, answer_json=answer.model_dump_json()), None
