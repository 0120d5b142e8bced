"""Neutralises untrusted text (product names, shopper data, model output) before it stands in a prompt."""

from __future__ import annotations

import re
import unicodedata

_LOOKALIKES = str.maketrans(
    {
        "<": "‹",
        ">": "›",
        "`": "'",
        '"': "'",
        "“": "'",
        "”": "'",
        "„": "'",
        "´": "'",
        "{": "(",
        "}": ")",
        "[": "(",
        "]": ")",
        "|": "/",
        "\\": "/",
    }
)
_INVISIBLE = ("Cc", "Cf", "Co", "Cs", "Cn")
_RUNS = re.compile(r"([-=#~*_'/.:])(?:\s?\1){2,}")
_HEADING = re.compile(r"(?:^|(?<=\s))#+\s*")
_ROLE = re.compile(
    r"\b(system|assistant|user|human|ai|developer|tool|inst|instructions?|answer|question)(\s*prompt)?\s*:",
    re.IGNORECASE,
)


def fence(text: str, limit: int = 200) -> str:
    """Return ``text`` on one line of at most ``limit`` characters that cannot pass for a part of the prompt.

    Control and invisible characters go, whitespace collapses, tags, quotes, code marks, brackets, rules of repeated
    signs and role markers ("system:") lose their form. What the text says stays readable: a prompt still has to say
    that it is data. Fencing fenced text changes nothing.
    """
    # Bounded before the work: a hostile name may be megabytes long.
    plain = text[: 4 * limit]
    before = None
    while before != plain:
        before = plain
        plain = _visible(unicodedata.normalize("NFKC", plain)).translate(_LOOKALIKES)
        plain = _RUNS.sub(r"\1", _ROLE.sub(r"\1\2 -", plain))
        plain = " ".join(_HEADING.sub("", plain).split())
    return plain[:limit].rstrip()


def _visible(text: str) -> str:
    """Return ``text`` with whitespace as spaces and without control, format, private and unassigned characters."""
    return "".join(
        " " if character.isspace() else character
        for character in text
        if character.isspace() or unicodedata.category(character) not in _INVISIBLE
    )
