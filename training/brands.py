"""Brand names in titles: a title that names one is refused.

Names come from a list: by default the brands of the shipped query labels (training split). Catalogues print brands in
product names without marking them, so no list is derived from them: of the words that only ever open a product name and
are in no corpus term, 11 stood in the titles of the teacher, all of them ordinary words ("tidy", "caprese", "stove").
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_WORD = re.compile(r"[^\W_]+(?:['’&.-][^\W_]+)*", re.UNICODE)
_LONGEST = 4


class BrandFinder:
    """Finds brand names as titles write them.

    Many brands are ordinary words ("Finish", "Always", "Dry"), and titles are in sentence case: a brand counts where
    each of its words begins with a capital. As the first word alone it does not count if the texts given use the word
    in lower case.
    """

    def __init__(self, brands: Iterable[str], ordinary_texts: Iterable[str]) -> None:
        self._brands = {_plain(brand) for brand in brands if _plain(brand)}
        self._ordinary = {word for text in ordinary_texts for word in _WORD.findall(text) if word == word.lower()}

    def find(self, title: str) -> str | None:
        """Return the first brand that ``title`` names, None if there is none."""
        words = _WORD.findall(title)
        for start in range(len(words)):
            for length in range(min(_LONGEST, len(words) - start), 0, -1):
                phrase = words[start : start + length]
                if _plain(" ".join(phrase)) not in self._brands or not all(_is_name(word) for word in phrase):
                    continue
                if start == 0 and length == 1 and phrase[0].lower() in self._ordinary:
                    continue
                return " ".join(phrase)
        return None


def _is_name(word: str) -> bool:
    return word[0].isupper() or word[0].isdigit()


def _plain(text: str) -> str:
    return " ".join(_WORD.findall(text)).casefold().replace("’", "").replace("'", "").replace("-", " ")
