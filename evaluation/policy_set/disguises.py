"""How people write a word so that a reader sees it and a filter does not."""

from __future__ import annotations

import re
from collections.abc import Callable

_LEET = str.maketrans("aeiost", "431057")
_CYRILLIC = str.maketrans("aceopxyi", "асеорхуі")
_FULL_WIDTH = str.maketrans({chr(code): chr(code + 0xFEE0) for code in range(0x21, 0x7F)})
_MARKED = re.compile(r"\[(?!/?INST\])([^\]]+)\]")


def _leet(word: str) -> str:
    # One letter is enough for a filter of literal words, and every letter is unreadable.
    return re.sub(r"(?<=.)[aeiost]", lambda letter: letter[0].translate(_LEET), word, count=1)


DISGUISES: dict[str, Callable[[str], str]] = {
    "none": lambda word: word,
    "digits": _leet,
    "spaced": lambda word: " ".join(word) if " " not in word else word,
    "invisible": lambda word: "\u200b".join(word),
    "cyrillic": lambda word: word.translate(_CYRILLIC),
    "dotted": lambda word: ".".join(word) if " " not in word else word,
    "full width": lambda word: word.translate(_FULL_WIDTH),
    "accented": lambda word: re.sub(r"[aeiou]", lambda letter: letter[0] + "\u0301", word, count=1),
}


def disguise(text: str, kind: str) -> str:
    """Return ``text`` with its [marked words] disguised and the marks gone."""
    return _MARKED.sub(lambda marked: DISGUISES[kind](marked[1]), text)
