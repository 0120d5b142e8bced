"""Taking a product name apart: the phrase that says what it is, its claims, and what describes it further."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from catalog.lexicon import Lexicon, load_lexicon
from catalog.surface import CONNECTORS, normalise, singular

MAX_WORDS = 5
_BREAK = "|"
_PUNCTUATION = re.compile(r"\s+[-–—]+\s+|[,;:|()\[\]{}/\"\\*•!?]+|\.\s+|[–—]|\.$")
_MARKS = re.compile(r"[®™©]|\(r\)|\(tm\)", re.IGNORECASE)
_NUMBER = re.compile(r"^[\d.$%']*\d[\w.%']*$")
_FAT_PERCENT = frozenset({"1%", "2%"})
_KEEPS_NUMBER = frozenset({"omega", "vitamin"})

Words = tuple[str, ...]


@dataclass(frozen=True)
class NameParts:
    """A product name taken apart.

    ``segments``: its phrases in order, claims, sizes and words after "with" or "for" taken out; ``claims``: the
    attributes that go in front of a phrase; ``attributes``: all that the name claims; ``joined``: the first segment
    with what an "in" joins to it ("tuna in water"), if any.
    """

    segments: tuple[Words, ...]
    claims: tuple[str, ...]
    attributes: frozenset[str]
    joined: Words | None


def take_apart(name: str) -> NameParts:
    """Take ``name`` apart by the rules of ``lexicon.yaml``."""
    lexicon = load_lexicon()
    claims: list[str] = []
    attributes: set[str] = set()
    segments: list[Words] = []
    joined: Words | None = None
    text = re.sub(r"\bw/\s*", " with ", _MARKS.sub(" ", name), flags=re.IGNORECASE)
    for piece in _PUNCTUATION.sub(_BREAK, text).split(_BREAK):
        words = _without_claims(normalise(piece).split(), lexicon, claims, attributes)
        kept, whole = _cut(words, lexicon)
        if joined is None and whole and not segments:
            joined = whole
        segments += [segment for segment in kept if segment]
    return NameParts(tuple(segments), tuple(dict.fromkeys(claims)), frozenset(attributes), joined)


def _without_claims(words: list[str], lexicon: Lexicon, claims: list[str], attributes: set[str]) -> list[str]:
    """Return ``words`` without claims and noise, noting them; a connector beside a gap goes with it."""
    gone: set[int] = set()
    for span in lexicon.spans(words):
        if span.attribute:
            attributes.add(span.attribute.name)
            if span.attribute.use == "keep":
                continue
            if span.attribute.use == "prefix":
                claims.append(span.attribute.name)
        gone.update(range(span.start, span.end))
        for beside in (span.start - 1, span.end):
            if 0 <= beside < len(words) and words[beside] == "and":
                gone.add(beside)
    return [word for at, word in enumerate(words) if at not in gone]


def _cut(words: list[str], lexicon: Lexicon) -> tuple[list[Words], Words | None]:
    """Return the segments of one piece, cut at sizes and prepositions, and the whole joined by an "in"."""
    segments: list[list[str]] = [[]]
    joined: Words | None = None
    after_size = False
    for at, word in enumerate(words):
        if word in lexicon.file.boundaries:
            break
        if word in lexicon.file.joining_boundaries:
            rest = words[at + 1 :]
            if at and 0 < len(rest) <= 3 and not any(_NUMBER.match(other) for other in rest):
                joined = (*words[:at], word, *rest)
            break
        after_size = after_size and word in lexicon.file.measures
        if after_size or _is_size(words, at):
            after_size = True
            segments.append([])
        else:
            segments[-1].append(word)
    return [_trim(segment) for segment in segments], joined


def _is_size(words: list[str], at: int) -> bool:
    word = words[at]
    if not _NUMBER.match(word):
        return False
    if word in _FAT_PERCENT:
        return "milk" not in words[at + 1 : at + 5]
    return not (at and words[at - 1] in _KEEPS_NUMBER)


def _trim(words: list[str]) -> Words:
    """Return ``words`` without connectors and lone letters at the ends."""
    start, end = 0, len(words)
    while start < end and (words[start] in CONNECTORS or (len(words[start]) == 1 and start + 1 < end)):
        start += 1
    while end > start and words[end - 1] in CONNECTORS:
        end -= 1
    return tuple(words[start:end])


def split_head(segment: Words) -> tuple[Words, Words]:
    """Return ``segment`` up to its head, and the describing words that trail it.

    ``peanut butter creamy`` gives ``(peanut, butter), (creamy,)``; a segment of describing words alone gives
    ``(), segment``.
    """
    never, fixed = load_lexicon().file.never_heads, _fixed_endings()
    end = len(segment)
    while end and (segment[end - 1] in never or segment[end - 1] in CONNECTORS or _NUMBER.match(segment[end - 1])):
        if any(tuple(singular(w) for w in segment[:end][-len(phrase) :]) == phrase for phrase in fixed):
            break
        if end >= 2 and segment[end - 2] in _KEEPS_NUMBER and len(segment[end - 1]) <= 3:
            break
        end -= 1
    return _trim(list(segment[:end])), _trim(list(segment[end:]))


@lru_cache(maxsize=1)
def _fixed_endings() -> frozenset[Words]:
    return frozenset(tuple(singular(w) for w in normalise(p).split()) for p in load_lexicon().file.fixed_phrases)
