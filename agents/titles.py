"""Titles of a small model made fit to show: nothing invented, nothing said twice, no end left hanging."""

from __future__ import annotations

import re
from collections.abc import Sequence

from catalog.surface import singular

_NEEDS_MORE = frozenset(
    "a an the of and or with for in on at to by from as over into your any some that other".split()  # noqa: SIM905
)
"""Words that no title ends with: it was cut behind one."""
_HANGING = _NEEDS_MORE | frozenset(
    (
        "bit",
        "little",
        "splash",
        "glass",
        "cup",
        "bowl",
        "plate",
        "base",
        "side",
        "touch",
        "dash",
        "hint",
        "lot",
        "light",
    )
)
"""Words that say nothing any more when what they lead to was cut."""
_SHORT, _JOINING = 3, frozenset(("and", "or", "with", "for"))
_JOINT = re.compile(r"(\s*,\s*(?:and |or )?|\s+and\s+|\s+or\s+)")


def tidy_title(title: str, limit: int, known: Sequence[str]) -> str:
    """Return the title without a word part or sign that a length limit left, and without numbers from nowhere.

    ``limit`` is the length in characters at which the answer was cut. A number stays when a text of ``known`` holds it
    ("2% milk"); a small model likes to add "101" or a year. Things listed twice are listed once, and an end that hangs
    ("and a little bit of") goes.
    """
    words = title.split()
    if len(title) >= limit and len(words) > 1:
        words = words[:-1]
    facts = {word.casefold() for text in known for word in text.split()}
    kept = [word for word in words if not any(c.isdigit() for c in word) or word.casefold() in facts]
    tidied = _joined(_without_hanging_end(_each_once(" ".join(kept))).strip(" ,;:-–&"))
    return tidied[:1].upper() + tidied[1:]


def _each_once(title: str) -> str:
    """Return the title with each of the things that it lists once: "Eggs, eggs and toast" -> "Eggs and toast"."""
    parts = _JOINT.split(title)
    kept, seen = parts[:1], {_key(parts[0])}
    for joint, thing in zip(parts[1::2], parts[2::2], strict=True):
        if _key(thing) not in seen:
            seen.add(_key(thing))
            kept += [joint, thing]
    return "".join(kept)


def _joined(title: str) -> str:
    """Return a bare list of short things with "and" before the last: "Milk, eggs, bread" -> "Milk, eggs and bread"."""
    things = title.split(", ")
    if len(things) < 2 or any(len(thing.split()) > _SHORT or {*thing.split()} & _JOINING for thing in things):
        return title
    return f"{', '.join(things[:-1])} and {things[-1]}"


def _without_hanging_end(title: str) -> str:
    words = title.split()
    if not words or words[-1].casefold() not in _NEEDS_MORE:
        return title
    while words and words[-1].casefold().strip(",") in _HANGING:
        words.pop()
    return " ".join(words)


def _key(thing: str) -> tuple[str, ...]:
    return tuple(singular(word) for word in thing.casefold().split())
