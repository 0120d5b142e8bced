"""What speaks for a typed word being a misspelling of another."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from math import log1p

from catalog.surface import singular
from tools.spelling_vocabulary import Vocabulary

FEATURES = (
    "one_edit",
    "two_edits",
    "more_common",
    "meant_english",
    "typed_english",
    "meant_labelled",
    "same_skeleton",
    "same_but_doubling",
    "skeleton_edits",
    "same_first",
    "same_last",
    "length",
    "meant_fits",
    "typed_fits",
    "same_stem",
    "told",
    "swapped_letters",
    "skeleton_more_common",
)
_VOWELS = re.compile("[aeiouh]")
_DOUBLED = re.compile(r"(.)\1+")
_ALIKE = str.maketrans("czq", "ksk")


def spelling_features(words: Sequence[str], place: int, meant: str, distance: int, known: Vocabulary) -> list[float]:
    """Return the values of :data:`FEATURES` for ``words[place]`` standing for ``meant``, ``distance`` edits away."""
    typed = words[place]
    bones, meant_bones = _skeleton(typed), _skeleton(meant)
    commoner = log1p(known.catalogue.get(meant, 0)) - log1p(known.catalogue.get(typed, 0))
    return [
        float(distance == 1),
        float(distance >= 2),
        commoner,
        log1p(known.english.get(meant, 0)) / 10,
        log1p(known.english.get(typed, 0)) / 10,
        float(known.labelled.get(meant, 0) > 0),
        float(bones == meant_bones),
        float(_DOUBLED.sub(r"\1", typed) == _DOUBLED.sub(r"\1", meant)),
        float(min(_edits(bones, meant_bones), 3)),
        float(typed[0] == meant[0]),
        float(typed[-1] == meant[-1]),
        min(len(typed), 10) / 10,
        log1p(_beside(words, place, meant, known)),
        log1p(_beside(words, place, typed, known)),
        float(singular(typed) == singular(meant)),
        log1p(max(known.repairs.get((typed, meant), 0), 0)),
        float(sorted(typed) == sorted(meant)),
        commoner * (bones == meant_bones),
    ]


def same_but_apostrophe(typed: str, meant: str) -> bool:
    """Tell whether the words differ in apostrophes alone, which shoppers leave out at will."""
    return typed.replace("'", "") == meant.replace("'", "")


def _beside(words: Sequence[str], place: int, word: str, known: Vocabulary) -> int:
    """Return in how many product names ``word`` stands beside the neighbours of ``place``."""
    before = known.pairs.get((words[place - 1], word), 0) if place else 0
    after = known.pairs.get((word, words[place + 1]), 0) if place + 1 < len(words) else 0
    return before + after


@lru_cache(maxsize=1 << 15)
def _skeleton(word: str) -> str:
    """Return what is heard of ``word``: first letter and consonants, those that sound alike as one, no doubling."""
    plain = word.replace("ph", "f").replace("ck", "k").replace("qu", "k").replace("y", "i").translate(_ALIKE)
    plain = _DOUBLED.sub(r"\1", plain)
    return plain[0] + _VOWELS.sub("", plain[1:])


def _edits(one: str, other: str) -> int:
    """Return the Levenshtein distance of two short words."""
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        above, row[0] = row[0], i
        for j, b in enumerate(other, 1):
            above, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, above + (a != b))
    return row[-1]
