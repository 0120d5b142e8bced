"""The words that steer the mining of the corpus, read from ``lexicon.yaml``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from catalog.surface import normalise

LEXICON_FILE = Path(__file__).with_name("lexicon.yaml")
Use = Literal["prefix", "strip", "keep"]


class Attribute(BaseModel):
    """A claim of product names: ``patterns`` are its spellings, ``use`` says what it does in a phrase."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    use: Use
    patterns: tuple[str, ...]


class LexiconFile(BaseModel):
    """The layout of ``lexicon.yaml``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    attributes: tuple[Attribute, ...]
    noise: tuple[str, ...]
    praise: tuple[str, ...]
    boundaries: frozenset[str]
    joining_boundaries: frozenset[str]
    measures: frozenset[str]
    never_heads: frozenset[str]
    never_first: frozenset[str]
    not_alone: frozenset[str]
    fixed_phrases: tuple[str, ...]


@dataclass(frozen=True)
class Span:
    """Words ``start:end`` of a phrase spell ``attribute``; None for noise."""

    start: int
    end: int
    attribute: Attribute | None


@dataclass(frozen=True)
class Lexicon:
    """The parsed file, with its multi-word patterns ready for matching."""

    file: LexiconFile
    patterns: dict[str, list[tuple[tuple[str, ...], Attribute | None]]] = field(repr=False)

    def spans(self, words: Sequence[str]) -> list[Span]:
        """Return the claims and the noise in ``words``, left to right, the longest pattern at each place."""
        found: list[Span] = []
        at = 0
        while at < len(words):
            for pattern, attribute in self.patterns.get(words[at], ()):
                if tuple(words[at : at + len(pattern)]) == pattern:
                    found.append(Span(at, at + len(pattern), attribute))
                    at += len(pattern)
                    break
            else:
                at += 1
        return found

    def attributes_of(self, text: str) -> list[str]:
        """Return the names of the attributes that ``text`` claims, in order of appearance, each once."""
        spans = self.spans(normalise(text).split())
        return list(dict.fromkeys(span.attribute.name for span in spans if span.attribute))


@lru_cache(maxsize=1)
def load_lexicon() -> Lexicon:
    """Return the lexicon that ships with the package."""
    import yaml

    file = LexiconFile.model_validate(yaml.safe_load(LEXICON_FILE.read_text(encoding="utf-8")))
    pairs: list[tuple[str, Attribute | None]] = [(p, a) for a in file.attributes for p in (a.name, *a.patterns)]
    pairs += [(phrase, None) for phrase in (*file.noise, *file.praise)]
    patterns: dict[str, list[tuple[tuple[str, ...], Attribute | None]]] = {}
    for phrase, attribute in pairs:
        words = tuple(normalise(phrase).split())
        patterns.setdefault(words[0], []).append((words, attribute))
    for choices in patterns.values():
        choices.sort(key=lambda choice: (-len(choice[0]), choice[0]))
    return Lexicon(file, patterns)
