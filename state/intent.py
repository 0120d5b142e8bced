"""What a typed query asks for: its roles, categories and rewrites, and the state of the intent graph."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

RewriteKind = Literal["synonym", "broader", "substitute"]
REWRITE_KINDS: tuple[RewriteKind, ...] = get_args(RewriteKind)

AttributeType = Literal[
    "flavor", "form", "quality", "nutrition", "diet", "occasion", "size", "audience", "origin", "quantity"
]
ATTRIBUTE_TYPES: tuple[AttributeType, ...] = get_args(AttributeType)

RoleLabel = Literal["brand", "product"] | AttributeType
ROLE_LABELS: tuple[str, ...] = ("brand", "product", *ATTRIBUTE_TYPES)

QueryKind = Literal["head", "torso", "tail"]
IntentSource = Literal["cache", "student", "fallback"]

Text = Annotated[str, Field(min_length=1)]


class Attribute(BaseModel):
    """One property that a query names. ``value`` stands in the corrected query, word for word."""

    model_config = ConfigDict(extra="forbid")

    type: Text
    value: Text


class Roles(BaseModel):
    """What the words of a query are: at most one product and one brand, and attributes in query order."""

    model_config = ConfigDict(extra="forbid")

    product: str | None = None
    brand: str | None = None
    attributes: list[Attribute] = Field(default_factory=list)

    def spans(self) -> list[tuple[str, str]]:
        """Return ``(label, words)`` of every role: brand, product, then attributes."""
        named = [("brand", self.brand), ("product", self.product)]
        return [(label, text) for label, text in named if text] + [(item.type, item.value) for item in self.attributes]


class Rewrites(BaseModel):
    """Other queries by kind, best first; an empty list where none is wanted or none was good enough."""

    model_config = ConfigDict(extra="forbid")

    synonym: list[str] = Field(default_factory=list)
    broader: list[str] = Field(default_factory=list)
    substitute: list[str] = Field(default_factory=list)


class LabelledQuery(Roles):
    """A query with its known answer: a teacher's label, or an entry of the head cache."""

    query: Text
    corrected: Text
    kind: QueryKind = "torso"
    categories: list[str] = Field(default_factory=list)
    rewrites: Rewrites = Field(default_factory=Rewrites)


class IntentDraft(Roles):
    """What the models proposed for a query, before the guards. ``categories`` are paths, best first."""

    query: str
    corrected: str
    categories: list[str] = Field(default_factory=list)
    rewrites: Rewrites = Field(default_factory=Rewrites)


IntentPart = Literal["product", "brand", "attribute", "category", "synonym", "broader", "substitute"]


class IntentVerdict(BaseModel):
    """One part of a draft that a guard took out, and why. An ERROR takes out all that the guard answers for."""

    model_config = ConfigDict(frozen=True)

    guard: str
    version: str
    part: IntentPart
    text: str
    outcome: Literal["FAIL", "ERROR"] = "FAIL"
    reason: str
    score: float | None = None
    threshold: float | None = None


class QueryIntent(Roles):
    """The answer of the intent graph. ``confidence`` in [0, 1] is the calibrated chance that the roles are right.

    ``source`` tells who answered: the head cache, the student, or what is known without a model. ``ms`` is the time
    it took, in milliseconds.
    """

    query: str
    corrected: str
    categories: list[str] = Field(default_factory=list, description="department > aisle, best first")
    rewrites: Rewrites = Field(default_factory=Rewrites)
    source: IntentSource
    confidence: float = Field(ge=0, le=1)
    ms: float = Field(ge=0)
