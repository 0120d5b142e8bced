"""Finding phrases in text that was written to be read, or to get past a filter."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import cached_property, lru_cache

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, field_validator

_MASK = "∎"
_GAP = r"(?:\S+ ){0,3}"
_INVISIBLE = ("Cc", "Cf", "Co", "Cs", "Mn", "Me")
# Letters of other scripts that look like Latin ones; accents and full-width forms fall to NFKD.
_LOOKALIKES = str.maketrans("авеікмнорстухѕјԁɡαβεικνορτυχ", "abeikmhopctyxsjdgabeiknoptux")
_LEET = [str.maketrans("013457@$!", f"o{one}eastasi") for one in "il"]
_LOOKS_LIKE_A_LETTER = re.compile(r"[013457@$!]")
_SPELLED_OUT = re.compile(r"(?<!\w)(?:\w[\W_]+){2,}\w(?!\w)")
_INSIDE = re.compile(r"(?<=\w)[-._*·•|/\\+~]+(?=\w)")


def plain(text: str) -> str:
    """Return ``text`` in lower case without accents, invisible characters and look-alike letters."""
    if text.isascii() and text.isprintable():
        return text.lower()
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text)).casefold()
    visible = "".join(
        " " if c.isspace() else c for c in folded if c.isspace() or unicodedata.category(c) not in _INVISIBLE
    )
    return visible.translate(_LOOKALIKES)


@lru_cache(maxsize=65536)
def readings(text: str) -> tuple[str, ...]:
    """Return the ways to read ``text`` as words, most literal first, each as `` word word ``.

    Later readings undo tricks: letters apart ("b e e r"), signs inside words ("be-er"), digits for letters ("b33r").
    """
    base = plain(text).replace("'", "").replace("’", "")
    found = [base, _INSIDE.sub("", base), _SPELLED_OUT.sub(lambda run: re.sub(r"[\W_]+", "", run[0]), base)]
    found += [_unleet(reading, table) for reading in found for table in _LEET]
    return tuple(dict.fromkeys(_words(reading) for reading in found))


@lru_cache(maxsize=65536)
def _spellings(text: str) -> tuple[str, ...]:
    """Return ``text`` as written without invisible characters, and with look-alikes and digits read as letters."""
    written = "".join(c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) != "Cf")
    base = plain(text)
    return tuple(dict.fromkeys([written, base, *(_unleet(base, table) for table in _LEET)]))


def _unleet(text: str, table: dict[int, int]) -> str:
    """Read digits and signs as letters in words that start with a letter or sign and mix both ("2%" stays)."""
    if not _LOOKS_LIKE_A_LETTER.search(text):
        return text
    return re.sub(
        r"\S+", lambda word: word[0].translate(table) if len(re.findall(r"[a-z]", word[0])) > 1 else word[0], text
    )


def _words(text: str) -> str:
    words = " ".join(stem(word) for word in re.findall(r"[^\W_]+", text))
    return f" {words} "


@lru_cache(maxsize=65536)
def stem(word: str) -> str:
    """Return ``word`` so that singular and plural agree (wines, berries, boxes, cookies)."""
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    if len(word) > 3 and word.endswith(("she", "che", "xe", "se", "ze", "oe")):
        return word[:-1]
    if len(word) > 3 and word.endswith(("ie", "y")):
        return word.removesuffix("ie").removesuffix("y") + "i"
    return word


class Phrases(BaseModel):
    """Phrases to find, and phrases that only look like them (``except``: "ginger beer" is no beer).

    A phrase is found as whole words, whatever the case, accents, punctuation or number (singular, plural); ``*`` at
    the end of a word stands for any ending, ``...`` between words for up to three others. ``regex`` patterns are
    searched in the text as it is written, and as it is read without look-alike letters and digits for letters.
    """

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    words: list[str] = Field(default_factory=list)
    excepted: list[str] = Field(default_factory=list, alias="except")
    regex: list[str] = Field(default_factory=list)
    _last_only: bool = PrivateAttr(default=False)

    @field_validator("words", "excepted")
    @classmethod
    def _no_empty_phrase(cls, phrases: list[str]) -> list[str]:
        for phrase in phrases:
            if not re.search(r"\w", phrase):
                raise ValueError(f"{phrase!r} holds no word, so that it would match everywhere")
        return phrases

    @field_validator("regex")
    @classmethod
    def _compiles(cls, patterns: list[str]) -> list[str]:
        for pattern in patterns:
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f"{pattern!r} is not a regular expression: {error}") from None
        return patterns

    @cached_property
    def _words_pattern(self) -> re.Pattern[str] | None:
        return _pattern(self.words)

    @cached_property
    def _excepted_pattern(self) -> re.Pattern[str] | None:
        return _pattern(self.excepted)

    def find(self, text: str) -> str | None:
        """Return the first phrase found in ``text``, as the list has it; None if there is none."""
        if found := self.found_words(text):
            return self._listed(found)
        for pattern in self.regex:
            for written in _spellings(text):
                if match := re.search(pattern, written, re.IGNORECASE):
                    return match[0].strip()[:40] or pattern
        return None

    def found_words(self, text: str) -> str | None:
        """Return the first of ``words`` found in ``text`` as a reading of it has them, None if there is none."""
        if self._words_pattern:
            for reading in readings(text):
                if found := self._words_pattern.search(self.masked(reading)):
                    return found[0]
        return None

    def _listed(self, found: str) -> str:
        return next((phrase for phrase in self.words if _phrase_pattern(phrase).fullmatch(found)), found)

    def masked(self, reading: str) -> str:
        """Return ``reading`` with the excepted phrases blanked out."""
        return self._excepted_pattern.sub(_MASK, reading) if self._excepted_pattern else reading


def _pattern(phrases: Sequence[str]) -> re.Pattern[str] | None:
    """Return a pattern of ``phrases`` over a reading, those of most words first; None without phrases."""
    if not phrases:
        return None
    parts = sorted({_phrase_pattern(phrase).pattern for phrase in phrases}, key=lambda part: (-part.count(" "), part))
    return re.compile(r"(?<= )(?:" + "|".join(parts) + r")(?= )")


@lru_cache(maxsize=8192)
def _phrase_pattern(phrase: str) -> re.Pattern[str]:
    words = re.findall(r"[^\W_]+\*?|\.\.\.", plain(phrase).replace("'", ""))
    return re.compile(" ".join(map(_word_pattern, words)).replace(f"{_GAP} ", _GAP))


def _word_pattern(word: str) -> str:
    if word == "...":
        return _GAP
    return _prefix(word[:-1]) if word.endswith("*") else re.escape(stem(word))


def _prefix(start: str) -> str:
    """Return a pattern of words that begin with ``start``, in the form that :func:`stem` gives them."""
    if start.endswith("y"):
        return re.escape(start[:-1]) + r"[yi]\S*"
    return re.escape(start.removesuffix("e")) + (r"(?:e\S*)?" if start.endswith("e") else r"\S*")
