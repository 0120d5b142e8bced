"""Preferences read from product names and shelves, by the rules of ``preferences.yaml``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from state.catalog import PATH_SEPARATOR
from state.errors import SettingsError

RULES_PATH = Path(__file__).with_name("preferences.yaml")


class PreferenceRule(BaseModel):
    """What shows one preference, and how much of it makes it the shopper's own (see the head of the rules file)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1)
    names: tuple[re.Pattern[str], ...] = ()
    shelves: tuple[re.Pattern[str], ...] = ()
    not_names: tuple[re.Pattern[str], ...] = ()
    not_shelves: tuple[re.Pattern[str], ...] = ()
    min_lines: int = Field(ge=1)
    min_share: float = Field(ge=0, le=1)
    min_lift: float = Field(ge=0)

    @field_validator("names", "shelves", "not_names", "not_shelves", mode="before")
    @classmethod
    def _compile(cls, patterns: Sequence[str]) -> tuple[re.Pattern[str], ...]:
        """Join the patterns into one: a product is matched against a handful of expressions, not dozens."""
        for pattern in patterns:
            re.compile(pattern)
        return (re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.IGNORECASE),) if patterns else ()

    def shown_by(self, name: str, shelf: str) -> bool:
        """Return whether a product of this name on this shelf (``department > aisle``) shows the preference."""
        if not (_any(self.names, name) or _any(self.shelves, shelf)):
            return False
        return not (_any(self.not_names, name) or _any(self.not_shelves, shelf))


def _any(patterns: tuple[re.Pattern[str], ...], text: str) -> bool:
    return any(pattern.search(text) for pattern in patterns)


def load_rules(path: Path = RULES_PATH) -> list[PreferenceRule]:
    """Read the rules, in the order of the file.

    Raises:
        SettingsError: the file is not readable as rules; the message names the field.
    """
    import yaml

    try:
        content: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
        defaults: Mapping[str, Any] = content["defaults"]
        rules = [PreferenceRule.model_validate({**defaults, **rule}) for rule in content["rules"]]
    except (OSError, yaml.YAMLError, KeyError, TypeError, re.error, ValidationError) as error:
        raise SettingsError(f"{path} is no list of preference rules: {error}") from error
    names = [rule.name for rule in rules]
    if len(set(names)) < len(names):
        raise SettingsError(
            f"{path} names a preference twice: {sorted(name for name in names if names.count(name) > 1)}"
        )
    return rules


class PreferenceReader:
    """Tells which preferences a product shows; remembers each product it has seen."""

    def __init__(self, rules: Sequence[PreferenceRule]) -> None:
        self.rules = {rule.name: rule for rule in rules}
        self._seen: dict[tuple[str, str, str], tuple[str, ...]] = {}

    def shown_by(self, name: str, department: str, aisle: str) -> tuple[str, ...]:
        """Return the names of the preferences, in the order of the rules."""
        key = (name, department, aisle)
        if key not in self._seen:
            shelf = f"{department}{PATH_SEPARATOR}{aisle}"
            self._seen[key] = tuple(rule.name for rule in self.rules.values() if rule.shown_by(name, shelf))
        return self._seen[key]
