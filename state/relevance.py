"""The texts that a pair scorer reads of a theme and of a product: one form for training, guard and commands."""

from __future__ import annotations

from collections.abc import Sequence


def theme_text(title: str, concepts: Sequence[str] = (), rationale: str = "") -> str:
    """Return the theme's side of a pair.

    The rationale is left out wherever products are judged: it tells why the shopper is shown the theme, not what
    belongs to it (measured: docs/relevance.md).
    """
    return ": ".join(part for part in (title, rationale, ", ".join(concepts)) if part)


def product_text(name: str, aisle: str) -> str:
    """Return the product's side of a pair."""
    return f"{name}, {aisle}" if aisle else name


def theme_parts(text: str) -> list[str]:
    """Return title and concepts of a :func:`theme_text`, for scorers that compare them one by one."""
    title, separator, concepts = text.rpartition(": ")
    if not separator:
        return [text]
    return list(dict.fromkeys([title, *(concept for concept in concepts.split(", ") if concept)]))


def product_name(text: str) -> str:
    """Return the name in a :func:`product_text`."""
    name, separator, _ = text.rpartition(", ")
    return name if separator else text
