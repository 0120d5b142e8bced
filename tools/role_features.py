"""The features by which a sequence tagger tells the roles of the words of a query."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from math import log1p

from catalog.lexicon import load_lexicon
from catalog.surface import normalise, singular
from state.intent import LabelledQuery
from tools.role_words import LABELS, RoleWords, own_phrases, own_words

LONGEST_PHRASE = 5
_LETTERS, _DIGITS = re.compile(r"[^\W\d_]+"), re.compile(r"\d+")
Features = dict[str, float]


def role_features(words: Sequence[str], known: RoleWords, row: LabelledQuery | None = None) -> list[Features]:
    """Return the features of each of the lower-case ``words`` of a query.

    ``row`` is the labelled query itself when its roles are to be learnt: what it adds to ``known`` is left out.
    """
    own = own_words(row)
    likely = known.likely(words, own)
    single = [_word(word, known, own, likely[at]) for at, word in enumerate(words)]
    claims, phrases = _claims(words), _phrases(words, known, row)
    found = []
    for at, word in enumerate(words):
        features: Features = {"bias": 1.0, f"w={word}": 1.0, f"stem={singular(word)}": 1.0, f"end={word[-3:]}": 1.0}
        features[f"shape={_DIGITS.sub('9', _LETTERS.sub('a', word))[:8]}"] = 1.0
        features[f"n={min(len(words), 6)}"] = 1.0
        features[f"left={min(len(words) - at - 1, 3)}"] = 1.0
        features[f"at={min(at, 2)}"] = 1.0
        features.update(single[at])
        features["bond_before"] = known.bond(words[at - 1], word) if at else 0.0
        features["bond_after"] = known.bond(word, words[at + 1]) if at + 1 < len(words) else 0.0
        features.update(dict.fromkeys((*claims[at], *phrases[at]), 1.0))
        for step in (-2, -1, 1, 2):
            beside = at + step
            if not 0 <= beside < len(words):
                features[f"{step}:edge"] = 1.0
                continue
            features.update({f"{step}:{name}": value for name, value in single[beside].items()})
            if abs(step) == 1:
                features[f"{step}:w={words[beside]}"] = 1.0
                features.update({f"{step}:{name}": 1.0 for name in (*claims[beside], *phrases[beside])})
        found.append(features)
    return found


def _word(word: str, known: RoleWords, own: Counter[tuple[str, str]], likely: Sequence[float]) -> Features:
    use = known.use(word)
    shares = known.shares(word, own)
    features: Features = {f"said={label}": share for label, share in shares.items()}
    features["names"] = log1p(use.names) / 5
    features["first"], features["last"] = use.first, use.last
    if not shares:
        features["unsaid"] = 1.0
    if use.names < 2:
        features["unsold"] = 1.0
    else:
        features[f"in={use.department}"] = 1.0
    features.update({f"like={label}": float(v) for label, v in zip(LABELS, likely, strict=True) if v > 0.02})
    return features


def _claims(words: Sequence[str]) -> list[list[str]]:
    """Return for each word the claim of the lexicon ("organic", "gluten free") that it spells or helps to spell."""
    plain = [normalise(word) or word for word in words]
    found: list[list[str]] = [[] for _ in words]
    for span in load_lexicon().spans(plain):
        name = span.attribute.name if span.attribute else "noise"
        for at in range(span.start, min(span.end, len(words))):
            found[at] += [f"claim={name}", "claim:opens" if at == span.start else "claim:goes on"]
    return found


def _phrases(words: Sequence[str], known: RoleWords, row: LabelledQuery | None) -> list[list[str]]:
    """Return for each word the labels that other queries give to phrases of two words or more that it stands in."""
    own = own_phrases(row)
    found: list[list[str]] = [[] for _ in words]
    for start in range(len(words)):
        for size in range(2, min(LONGEST_PHRASE, len(words) - start) + 1):
            for label in known.phrase(" ".join(words[start : start + size]), own):
                for at in range(start, start + size):
                    found[at].append(f"phrase={'B' if at == start else 'I'}-{label}")
    return found
