"""Kinds of goods, by shelf and by words of the name: what the policy rules speak of, and what is age restricted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from catalog.readings import Phrases, readings
from state.errors import SettingsError

RULES_FILE = "policy_rules.yaml"


class Shelved(Protocol):
    """What tells the kind of a product."""

    @property
    def name(self) -> str: ...

    @property
    def aisle(self) -> str: ...

    @property
    def department(self) -> str: ...


class AisleWords(Phrases):
    """Words that count only in the names of products of these aisles."""

    aisles: list[str] = Field(min_length=1)


class Goods(Phrases):
    """A kind of goods: by where it is shelved, or by words of its name.

    In ``flavour_departments`` the words mostly name an ingredient ("vodka sauce"): there they count only as the last
    word of the name. ``aisle_words`` count in their aisles only ("energy" among drinks, not on bulbs), ``theme_words``
    in titles only.
    """

    departments: list[str] = Field(default_factory=list)
    aisles: list[str] = Field(default_factory=list)
    flavour_departments: list[str] = Field(default_factory=list)
    aisle_words: AisleWords | None = None
    theme_words: Phrases = Field(default_factory=Phrases)

    def holds(self, product: Shelved) -> bool:
        """Tell whether ``product`` is of this kind."""
        return self.on_shelf(product) or self.named(product)

    def on_shelf(self, product: Shelved) -> bool:
        """Tell whether ``product`` stands where such goods are shelved."""
        return product.department in self.departments or product.aisle in self.aisles

    def named(self, product: Shelved) -> bool:
        """Tell whether the name of ``product`` says that it is of this kind."""
        if self.aisle_words and product.aisle in self.aisle_words.aisles and self.aisle_words.find(product.name):
            return True
        found = self.found_words(product.name)
        if found is None or product.department not in self.flavour_departments:
            return found is not None
        if " with " in readings(product.name)[0] or " in " in readings(product.name)[0]:
            return False
        return any(
            self.masked(reading).rstrip(" 0123456789").endswith(f" {found}") for reading in readings(product.name)
        )

    def in_theme(self, text: str) -> str | None:
        """Return the words of ``text`` that name these goods, None if it does not."""
        return self.find(text) or self.theme_words.find(text)


class _Restriction(BaseModel):
    model_config = ConfigDict(extra="ignore")

    kind: str
    goods: str | None = None


class _RulesFile(BaseModel):
    """The part of the policy rules that says which goods are restricted."""

    model_config = ConfigDict(extra="ignore")

    goods: dict[str, Goods]
    rules: list[_Restriction] = Field(min_length=1)


class RestrictedGoods:
    """The goods that the policy rules restrict (``kind: restricted``): sold to age-verified shoppers alone."""

    def __init__(self, goods: Sequence[Goods]) -> None:
        self._goods = tuple(goods)
        self._known: dict[tuple[str, str, str], bool] = {}

    @classmethod
    def of_rules(cls, folder: Path) -> RestrictedGoods:
        """Read the rules file of the guards folder.

        Raises:
            SettingsError: the file is not there, cannot be read, or restricts goods that it does not define.
        """
        path = folder / RULES_FILE
        try:
            file = _RulesFile.model_validate(yaml.safe_load(path.read_text("utf-8")))
            return cls([file.goods[rule.goods or ""] for rule in file.rules if rule.kind == "restricted"])
        except (OSError, UnicodeDecodeError, yaml.YAMLError, ValidationError, KeyError) as error:
            raise SettingsError(
                f"which goods are age restricted cannot be read from {path} ({type(error).__name__}): nothing is "
                "ranked without it. Put the policy rules back, or correct guards_dir."
            ) from error

    def holds(self, product: Shelved) -> bool:
        """Tell whether ``product`` is restricted. Microseconds for a product seen before."""
        key = (product.name, product.aisle, product.department)
        if key not in self._known:
            self._known[key] = any(goods.holds(product) for goods in self._goods)
        return self._known[key]
