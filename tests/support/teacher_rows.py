"""Rows of teacher data about the small shop."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

THEMES = [
    ("Yogurt for busy mornings", ["greek yogurt", "berry yogurt", "vanilla yogurt"]),
    ("Fruit bowl on the counter", ["banana", "gala apple", "strawberries"]),
    ("Toast in four kinds", ["rye bread", "raisin bread", "sourdough bread"]),
    ("A crunch for the sofa", ["pita chips", "kettle chips", "tortilla chips"]),
    ("Tea time on the porch", ["green tea", "mint tea", "chai tea"]),
]


def theme(position: int = 0, **changes: Any) -> dict[str, Any]:
    """Return one theme as a teacher writes it."""
    title, concepts = THEMES[position]
    return {"title": title, "need": "replenish", "rationale": "In most orders.", "concepts": concepts, **changes}


def design(shopper: str = "7", themes: list[dict[str, Any]] | None = None, **changes: Any) -> dict[str, Any]:
    """Return a design of five themes."""
    written = [theme(position) for position in range(len(THEMES))] if themes is None else themes
    return {"user_id": shopper, "persona": f"Home cook {shopper}", "themes": written, **changes}


def keywords(theme_id: str = "7-0", **changes: Any) -> dict[str, Any]:
    """Return a keyword choice."""
    return {
        "theme_id": theme_id,
        **theme(),
        "candidates": ["greek yogurt", "berry yogurt", "kettle chips"],
        "categories": ["yogurt", "bread"],
        "chosen_keywords": ["greek yogurt"],
        "chosen_categories": ["yogurt"],
        **changes,
    }


def relevance(product_id: str = "6", label: int = 2, theme_id: str = "7-0", **changes: Any) -> dict[str, Any]:
    """Return a label of one product."""
    return {"theme_id": theme_id, **theme(), "product_id": product_id, "label": label, **changes}


def batch_line(custom_id: str, content: str | None, **choice: Any) -> dict[str, Any]:
    """Return a line of batch output."""
    message = {"role": "assistant", "content": content, "refusal": choice.pop("refusal", None)}
    body = {"choices": [{"index": 0, "finish_reason": "stop", "message": message, **choice}]}
    return {"id": "b", "custom_id": custom_id, "response": {"status_code": 200, "body": body}, "error": None}


def write_lines(path: Path, *records: Any, end: str = "\n") -> Path:
    """Write records as JSON lines; a string is written as it is."""
    lines = [record if isinstance(record, str) else json.dumps(record) for record in records]
    path.write_text("\n".join(lines) + end, encoding="utf-8")
    return path
