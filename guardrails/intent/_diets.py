"""The diets file: what a query can ask to be free from, and what keeps it; see ``rewrite_diets.yaml``."""

from __future__ import annotations

from functools import cached_property, lru_cache
from pathlib import Path
from typing import Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from catalog.readings import Phrases, readings
from state.errors import SettingsError


class Diet(BaseModel):
    """One promise of a query. ``said`` are claims that count in rewrites alone.

    ``kept_by`` are diets whose claims keep it too (what is vegan is free of dairy).

    ``natural`` are goods that are of the diet without saying so, named by the last words of a rewrite ("almond milk").
    ``rule`` is the page policy's rule of the diet, ``goods`` a kind of goods of the page policy: what either knows to
    break the diet is never natural.
    """

    model_config = ConfigDict(extra="forbid")

    id: str = Field(pattern=r"^[a-z][a-z-]*$")
    claims: Phrases
    said: Phrases = Field(default_factory=Phrases)
    kept_by: list[str] = Field(default_factory=list)
    natural: list[str] = Field(default_factory=list, description="groups of the file")
    natural_words: list[str] = Field(default_factory=list)
    rule: str | None = None
    goods: str | None = None


class Diets(BaseModel):
    """The whole file. ``worked`` are words of a thing that was made into something else: no such thing is natural."""

    model_config = ConfigDict(extra="forbid")

    worked: Phrases
    groups: dict[str, list[str]]
    diets: list[Diet] = Field(min_length=1)

    @model_validator(mode="after")
    def _references_exist(self) -> Self:
        ids = {diet.id for diet in self.diets}
        for diet in self.diets:
            if wrong := {*diet.kept_by} - ids | {*diet.natural} - {*self.groups}:
                raise ValueError(
                    f"diet '{diet.id}' refers to {', '.join(sorted(wrong))}, which the file does not define"
                )
        return self

    def asked(self, query: str) -> list[Diet]:
        """Return the diets that ``query`` asks for."""
        return [diet for diet in self.diets if diet.claims.find(query)]

    def claims(self, diet: Diet, text: str) -> bool:
        """Tell whether ``text`` makes the promise of ``diet``, or one that holds it."""
        known = [self._by_id[name] for name in (diet.id, *diet.kept_by)]
        return any(entry.claims.find(text) or entry.said.find(text) for entry in known)

    def natural(self, diet: Diet, text: str) -> bool:
        """Tell whether the last words of ``text`` name goods that are of ``diet`` by nature, not made into more."""
        if self.worked.find(text):
            return False
        phrases = self._natural[diet.id]
        literal = readings(text)[0]
        return any(literal.endswith(ending) for phrase in phrases for ending in readings(phrase)[:1])

    @cached_property
    def _by_id(self) -> dict[str, Diet]:
        return {diet.id: diet for diet in self.diets}

    @cached_property
    def _natural(self) -> dict[str, list[str]]:
        return {
            diet.id: [*diet.natural_words, *(word for group in diet.natural for word in self.groups[group])]
            for diet in self.diets
        }


def load_diets(path: Path) -> Diets:
    """Return the diets of ``path``, read again only when the file changes.

    Raises:
        SettingsError: the file cannot be read or breaks the schema; the message names the place.
    """
    try:
        stat = path.stat()
        return _parse(path, stat.st_mtime_ns, stat.st_size)
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingsError(f"diets {path.name} cannot be read ({type(error).__name__}): put the file back.") from error
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, e['loc'])) or 'file'}: {e['msg']}" for e in error.errors()]
        raise SettingsError(f"diets {path.name} are wrong: {'; '.join(lines)}") from None


@lru_cache(maxsize=4)
def _parse(path: Path, _changed_ns: int, _size: int) -> Diets:
    return Diets.model_validate(yaml.safe_load(path.read_text("utf-8")))
