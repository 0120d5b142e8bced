"""Cleans what people type: one line of plain words, or a clear refusal."""

from __future__ import annotations

import re
import unicodedata

from state.errors import QueryError

MAX_LENGTH = 120
"""Characters of a query: the longest of the labelled ones has 60."""
MAX_WORDS = 20
MAX_SESSION, LOOKED_AT = 3, 20
"""Earlier queries that count for one, and those that they are taken from."""

_KEPT_SYMBOLS = set("%&'.,-+/$#")
_INVISIBLE = ("Cc", "Cf", "Co", "Cs", "Cn")
_EDGES = re.compile(r"(?<!\S)[.,\-+/#']+|[.,\-+/']+(?!\S)")


def clean_query(text: object) -> str:
    """Return ``text`` in lower case on one line, without control characters, emoji, quotes and other signs.

    Letters of every script stay. "%", "&", "'", "$" and marks inside words stay: "1%", "m&m's", "7-up", "half & half".

    Raises:
        QueryError: it is no text, empty, longer than 120 characters, or has no letter or digit.
    """
    if not isinstance(text, str):
        raise QueryError(f"a query is a text, not {type(text).__name__}.")
    if len(text) > 8 * MAX_LENGTH:
        raise QueryError(_too_long(len(text)))
    plain = "".join(map(_sign, unicodedata.normalize("NFKC", text).replace("’", "'").replace("`", "'")))
    plain = " ".join(_EDGES.sub(" ", " ".join(plain.lower().split())).split())
    if not any(character.isalnum() for character in plain):
        raise QueryError("the query has no word in it. Type what you look for.")
    if len(plain) > MAX_LENGTH or len(plain.split()) > MAX_WORDS:
        raise QueryError(_too_long(len(plain)))
    return plain


def clean_session(texts: object) -> list[str]:
    """Return the last few queries of a session, cleaned; what is no query is left out."""
    found = []
    for text in list(texts)[-LOOKED_AT:] if isinstance(texts, list | tuple) else []:
        try:
            found.append(clean_query(text))
        except QueryError:
            continue
    return found[-MAX_SESSION:]


def _sign(character: str) -> str:
    if character.isalnum() or character in _KEPT_SYMBOLS or unicodedata.category(character).startswith("M"):
        return character
    return "" if unicodedata.category(character) in _INVISIBLE and not character.isspace() else " "


def _too_long(length: int) -> str:
    return f"a query of {length:,} characters is too long: at most {MAX_LENGTH} in {MAX_WORDS} words. Shorten it."
