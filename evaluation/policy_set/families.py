"""Families of cases: what they are made of, read from the files beside this one."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from evaluation.policy_set.cases import DATA_DIR, Half, PolicySetError
from state.catalog import Product

POOLS = "pools.yaml"
FAMILIES: dict[Half, str] = {"mend": "families_mend.yaml", "held_out": "families_held_out.yaml"}


class Pool(BaseModel):
    """Real products by shelf, and by regular expressions that their name must and must not hold."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    departments: list[str] = Field(default_factory=list)
    aisles: list[str] = Field(default_factory=list)
    name: str = ""
    unlike: str = Field(default="", alias="not")

    def members(self, products: Sequence[Product]) -> list[Product]:
        """Return those of ``products`` in the pool."""
        shelved = (
            p
            for p in products
            if (not self.departments or p.department in self.departments)
            and (not self.aisles or p.aisle in self.aisles)
        )
        wanted, unwanted = re.compile(self.name, re.IGNORECASE), re.compile(self.unlike or r"(?!)", re.IGNORECASE)
        return [p for p in shelved if wanted.search(p.name) and not unwanted.search(p.name)]


class Family(BaseModel):
    """Cases of one kind; the header of data/families_mend.yaml explains the fields."""

    model_config = ConfigDict(extra="forbid")

    id: str
    rule: str | None = None
    near: str | None = None
    count: int = Field(ge=1)
    titles: list[str] = Field(min_length=1)
    rationales: list[str] = Field(default_factory=lambda: ["Bought in most orders."])
    concepts: list[list[str]] = Field(default_factory=list)
    keywords: list[list[str]] = Field(default_factory=list)
    bad: list[str] = Field(default_factory=list)
    good: list[str] = Field(min_length=1)
    skip: str = ""
    names: list[str] = Field(default_factory=list)
    good_names: list[str] = Field(default_factory=list)
    buys: list[str] = Field(default_factory=list)
    buy_names: list[str] = Field(default_factory=list)
    prefers: str | None = None
    cold: bool = False
    reshelve: bool = False
    disguise: bool = False

    @model_validator(mode="after")
    def _breaks_a_rule_or_comes_near_one(self) -> Family:
        if (self.rule is None) == (self.near is None):
            raise ValueError(f"family {self.id} gives either the rule it breaks or the rule it comes near")
        if self.rule is None and (self.bad or self.names):
            raise ValueError(f"family {self.id} is clean and has products that must go")
        return self


def load_pools() -> dict[str, Pool]:
    """Return the pools by name.

    Raises:
        PolicySetError: the file is no list of pools.
    """
    try:
        return {name: Pool.model_validate(pool) for name, pool in yaml.safe_load(_read(POOLS)).items()}
    except (yaml.YAMLError, ValidationError, AttributeError) as error:
        raise PolicySetError(f"{POOLS} is wrong: {' '.join(str(error).split())[:300]}") from error


def load_families(half: Half) -> list[Family]:
    """Return the families of one half.

    Raises:
        PolicySetError: the file is no list of families, or names a pool that is not there.
    """
    pools = load_pools()
    try:
        families = [Family.model_validate(family) for family in yaml.safe_load(_read(FAMILIES[half]))]
    except (yaml.YAMLError, ValidationError, TypeError) as error:
        raise PolicySetError(f"{FAMILIES[half]} is wrong: {' '.join(str(error).split())[:300]}") from error
    for family in families:
        if unknown := {*family.bad, *family.good, *family.buys} - pools.keys():
            raise PolicySetError(
                f"family {family.id} draws from pools that {POOLS} lacks: {', '.join(sorted(unknown))}"
            )
    return families


def families_version() -> str:
    """Return a digest of the pools and families."""
    return hashlib.sha256("".join(map(_read, (POOLS, *FAMILIES.values()))).encode()).hexdigest()[:12]


def _read(name: str) -> str:
    try:
        return (DATA_DIR / name).read_text("utf-8")
    except OSError as error:
        raise PolicySetError(f"{name} cannot be read ({error.strerror}). Put the file back.") from error
