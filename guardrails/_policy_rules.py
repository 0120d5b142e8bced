"""The policy rules file: its types, and reading it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from catalog.goods import Goods
from catalog.readings import Phrases
from state.errors import SettingsError
from state.placement import PlacedProduct
from state.shopper import ProductHistory
from state.verdict import Action

Part = Literal["title", "rationale", "concepts", "keywords", "products"]


class _Rule(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    id: str = Field(pattern=r"^[a-z][a-z0-9-]*$")
    why: str = Field(min_length=10, description="Shown in verdicts: what the rule protects.")


class TextRule(_Rule):
    """Phrases that must not stand in some parts of a placement.

    With ``both``, a part violates the rule when it holds one phrase of each ("prevents" and "cancer").
    """

    kind: Literal["text"]
    parts: list[Part] = Field(min_length=1)
    action: Literal[Action.DROP, Action.REPAIR] = Action.DROP
    forbidden: Phrases = Field(default_factory=Phrases)
    both: list[Phrases] = Field(default_factory=list)

    @model_validator(mode="after")
    def _forbids_something(self) -> Self:
        if not (self.forbidden.words or self.forbidden.regex or len(self.both) > 1):
            raise ValueError("give forbidden words or regex, or two lists under 'both'")
        return self


class TitleFormRule(_Rule):
    """How long a title is and how loud."""

    kind: Literal["title_form"]
    min_chars: int = Field(ge=1)
    max_chars: int = Field(ge=1)
    max_capital_words: int = Field(ge=0, description="words of 3 or more letters, all capitals")


class RestrictedRule(_Rule):
    """Goods shown only to shoppers who have bought such goods; a title about them is dropped for all others."""

    kind: Literal["restricted"]
    goods: str


class PairingRule(_Rule):
    """Goods that must not stand beside an audience: in its themes, or beside its products.

    Goods made for the audience (named so: "Children's ...") are let through when ``made_for_audience`` is set.
    """

    kind: Literal["pairing"]
    goods: str
    audience: str
    beside_products: bool = False
    made_for_audience: bool = False


class DietRule(_Rule):
    """Products that a diet excludes, by name or shelf, when a theme claims the diet or the shopper keeps it.

    ``cleared_by``: words that make a product fit whatever else it is called ("vegan"). ``shelf_cleared_by``: words that
    make it fit where only its shelf speaks against it ("maple" among honeys, while "maple bacon" still does not fit).
    ``partly``: title words that say that only a part of the theme is of the diet. ``preferences``: names of derived
    preferences; they count only for a shopper whose history holds nothing that the diet excludes.
    """

    kind: Literal["diet"]
    claims: Phrases
    partly: Phrases = Field(default_factory=Phrases)
    preferences: list[str] = Field(default_factory=list)
    excludes: Goods
    cleared_by: Phrases = Field(default_factory=Phrases)
    shelf_cleared_by: Phrases = Field(default_factory=Phrases)

    def contradicts(self, product: PlacedProduct | ProductHistory) -> bool:
        """Tell whether the diet excludes ``product``."""
        if self.cleared_by.find(product.name):
            return False
        if self.excludes.named(product):
            return True
        return self.excludes.on_shelf(product) and not self.shelf_cleared_by.find(product.name)


Rule = Annotated[TextRule | TitleFormRule | RestrictedRule | PairingRule | DietRule, Field(discriminator="kind")]


class Rules(BaseModel):
    """The whole file. ``goods`` and ``audiences`` are named kinds of products that rules refer to."""

    model_config = ConfigDict(extra="forbid")

    version: str = Field(min_length=1, coerce_numbers_to_str=True)
    goods: dict[str, Goods]
    rules: list[Rule] = Field(min_length=1)

    @model_validator(mode="after")
    def _references_exist(self) -> Self:
        ids = [rule.id for rule in self.rules]
        if twice := {rule_id for rule_id in ids if ids.count(rule_id) > 1}:
            raise ValueError(f"rule ids used twice: {', '.join(sorted(twice))}")
        for rule in self.rules:
            for named in _goods_named(rule):
                if named not in self.goods:
                    raise ValueError(f"rule '{rule.id}' refers to goods '{named}', which the file does not define")
        return self


def _goods_named(rule: Rule) -> Sequence[str]:
    if isinstance(rule, PairingRule):
        return [rule.goods, rule.audience]
    return [rule.goods] if isinstance(rule, RestrictedRule) else []


def load_rules(path: Path) -> Rules:
    """Return the rules of ``path``, read again only when the file changes.

    Raises:
        SettingsError: the file cannot be read or breaks the schema; the message names the place.
    """
    try:
        stat = path.stat()
    except OSError as error:
        raise SettingsError(f"policy rules {path.name} cannot be read: {error.strerror}. Put the file back.") from error
    return _parse(path, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=8)
def _parse(path: Path, _changed_ns: int, _size: int) -> Rules:
    try:
        return Rules.model_validate(yaml.safe_load(path.read_text("utf-8")))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"policy rules {path.name} are not YAML in UTF-8: {' '.join(str(error).split())}"
        ) from error
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, e['loc'])) or 'file'}: {e['msg']}" for e in error.errors()]
        raise SettingsError(f"policy rules {path.name} are wrong: {'; '.join(lines)}") from None
