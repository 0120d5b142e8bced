"""Surface forms: one spelling for texts that a shopper would call the same words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

CONNECTORS = frozenset({"and", "or", "n", "the", "a", "an", "of", "de", "la", "le", "di", "du", "al", "con", "y"})
"""Words that join a phrase from within and never open or close it."""

_IRREGULAR = {
    "leaves": "leaf", "loaves": "loaf", "halves": "half", "knives": "knife", "calves": "calf", "hooves": "hoof",
    "mice": "mouse", "geese": "goose", "children": "child", "women": "woman", "men": "man", "teeth": "tooth",
    "feet": "foot", "cookies": "cookie", "brownies": "brownie", "smoothies": "smoothie", "pies": "pie",
    "veggies": "veggie", "movies": "movie", "selfies": "selfie", "foodies": "foodie", "goodies": "goodie",
    "yoghurt": "yogurt", "yoghurts": "yogurt", "hommus": "hummus", "houmous": "hummus", "flavour": "flavor",
    "flavoured": "flavored", "donut": "doughnut", "donuts": "doughnut", "chilli": "chili", "chile": "chili",
    "chiles": "chili", "chilies": "chili", "chillies": "chili", "barbecue": "bbq", "barbeque": "bbq",
    "barbq": "bbq", "ketsup": "ketchup", "catsup": "ketchup", "veggi": "veggie", "mayonaise": "mayonnaise",
    "parmigiano": "parmesan", "lite": "light", "nonfat": "nonfat", "whiskey": "whisky", "grey": "gray",
    "molasses": "molasses", "swiss": "swiss", "asparagus": "asparagus", "series": "series", "species": "species",
}  # fmt: skip
_SEPARATORS = re.compile(r"[^a-z0-9%$&+']+")
_APOSTROPHE = re.compile(r"['’`´]")


@lru_cache(maxsize=1 << 17)
def normalise(text: str) -> str:
    """Return ``text`` in lower case, without accents, punctuation and control characters, ``&`` written ``and``.

    Percent signs stay (``2% milk``); apostrophes close up (``men's`` -> ``mens``). Empty when no word is left.
    """
    plain = unicodedata.normalize("NFKD", _APOSTROPHE.sub("", text)).casefold()
    plain = "".join(char for char in plain if not unicodedata.combining(char))
    plain = plain.replace("w/", " with ").replace("&", " and ").replace("+", " and ")
    return " ".join(_SEPARATORS.sub(" ", plain).split())


@lru_cache(maxsize=1 << 17)
def singular(word: str) -> str:
    """Return the stem that plural and singular of ``word`` share (Harman's S-stemmer with English -es endings).

    It is for comparing, not for showing: ``hummus`` and ``molasses`` need no real singular, only a stable one.
    """
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if len(word) < 4 or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies"):
        return word[:-3] + "y"
    if word.endswith(("ches", "shes", "sses", "xes", "zes", "oes")):
        return word[:-2]
    return word[:-1] if word.endswith("s") else word


def stems(text: str) -> list[str]:
    """Return the singular stems of the words of ``text``, in order, connectors included."""
    return [singular(word) for word in normalise(text).split()]


def merge_key(words: Iterable[str]) -> str:
    """Return the key under which near-identical phrases merge.

    The words are compared by stem, without connectors, spaces and hyphens, the ones before the head in any order:
    ``low-fat organic yogurts`` and ``organic low fat yogurt`` are one; ``milk chocolate`` and ``chocolate milk``,
    whose heads differ, are two.
    """
    content = [singular(word) for word in words if word not in CONNECTORS]
    return " ".join([*sorted(content[:-1]), *content[-1:]])


def closed_key(words: Iterable[str]) -> str:
    """Return the key of phrases that differ only in spaces: ``soy milk``, ``soymilk``."""
    return "".join(singular(word) for word in words if word not in CONNECTORS)
