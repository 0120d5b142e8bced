"""What the query models are asked to answer: schemas locked to the words of the query and to the taxonomy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, create_model, model_validator

from state.intent import ROLE_LABELS, Attribute, LabelledQuery, Roles

NONE_FITS = "none"
MAX_CATEGORIES = 4
MAX_REWRITES = 4
REWRITE_LENGTH = 60
REASONING_LENGTH = 240
MAX_QUERY_LENGTH = 200
SEPARATOR = ": "
"""Between the label and the words of a role, as in ``flavor: rosemary mint``."""


class RolesAnswer(BaseModel):
    """Base of the query parser's answer: ``label: words`` in the order of the query; see :func:`roles_schema`."""

    model_config = ConfigDict(extra="forbid")

    roles: list[str]


class CategoriesAnswer(BaseModel):
    """Base of the classifier's answer: the best aisle ("none": none fits), then others that hold it too."""

    model_config = ConfigDict(extra="forbid")

    best: str
    also: list[str]


class RewritesAnswer(BaseModel):
    """Other queries of one kind, best first; an empty list if there is no good one."""

    model_config = ConfigDict(extra="forbid")

    rewrites: list[Annotated[str, Field(min_length=2, max_length=REWRITE_LENGTH)]] = Field(max_length=MAX_REWRITES)


class ParsedQuery(BaseModel):
    """As a large model is asked of a whole query: reasoning, spelling, roles, and paths ("none": none fits).

    The roles are words of ``corrected``, in its order. See :func:`parsed_schema`.
    """

    model_config = ConfigDict(extra="forbid")

    reasoning: str = Field(max_length=REASONING_LENGTH)
    corrected: str = Field(min_length=1, max_length=MAX_QUERY_LENGTH)
    roles: list[str]
    best: str
    also: list[str]

    @model_validator(mode="after")
    def _roles_are_words_of_the_query(self) -> Self:
        check_grounded(self.corrected, self.roles)
        return self

    @property
    def categories(self) -> list[str]:
        """The paths, best first, each once."""
        return list(dict.fromkeys(path for path in (self.best, *self.also) if path != NONE_FITS))


class ReasonedRewrites(BaseModel):
    """As a large model is asked: what may change and what must stay, and only then the queries."""

    model_config = ConfigDict(extra="forbid")

    reasoning: str = Field(max_length=REASONING_LENGTH)
    rewrites: list[Annotated[str, Field(min_length=2, max_length=REWRITE_LENGTH)]] = Field(max_length=MAX_REWRITES)


def roles_schema(query: str) -> type[RolesAnswer]:
    """Return the answer schema for ``query``: every role is a label and words that stand in it, in order, none twice.

    ``spansOf`` makes the embedded engine's grammar hold all of that; the validation holds it for any engine.
    """
    words = query.split()

    def grounded(roles: list[str]) -> list[str]:
        check_grounded(query, roles)
        return roles

    spans = {"spansOf": {"words": words, "labels": [label + SEPARATOR for label in ROLE_LABELS]}}
    field = Field(max_length=max(len(words), 1), json_schema_extra=spans)  # type: ignore[arg-type]
    return create_model(
        "QueryRoles", __base__=RolesAnswer, roles=(Annotated[list[str], AfterValidator(grounded), field], ...)
    )


def check_grounded(query: str, roles: Sequence[str]) -> None:
    """Check that every role is a label and words of ``query``, in its order, none twice.

    Raises:
        ValueError: one is not; the message says which.
    """
    words, place = query.split(), 0
    for role in roles:
        label, separator, text = role.partition(SEPARATOR)
        if not separator or label not in ROLE_LABELS:
            raise ValueError(f"{role!r} does not begin with one of {', '.join(ROLE_LABELS)} and a colon")
        place = _after(words, text.split(), place)
        if not place:
            raise ValueError(f"{text!r} is not in the query behind the roles before it")


def categories_schema(aisles: Sequence[str]) -> type[CategoriesAnswer]:
    """Return an answer schema in which only the given aisles can be chosen."""
    best, also = _choices(aisles)
    return create_model("QueryCategories", __base__=CategoriesAnswer, best=(best, ...), also=(also, ...))


def parsed_schema(paths: Sequence[str]) -> type[ParsedQuery]:
    """Return the schema of a whole parse in which only the given paths of categories can be chosen."""
    best, also = _choices(paths)
    return create_model("QueryParse", __base__=ParsedQuery, best=(best, ...), also=(also, ...))


def role_texts(query: str, roles: Roles) -> list[str]:
    """Return ``roles`` as an answer names them, in query order; what cannot be placed without overlap is left out."""
    words, taken, placed = query.split(), set[int](), []
    for label, text in roles.spans():
        size = len(text.split())
        for start in range(len(words) - size + 1):
            span = set(range(start, start + size))
            if words[start : start + size] == text.split() and not span & taken:
                taken |= span
                placed.append((start, f"{label}{SEPARATOR}{text}"))
                break
    return [role for _, role in sorted(placed)]


def roles_of(texts: Sequence[str]) -> Roles:
    """Return the roles that an answer names; a second product or brand becomes part of nothing."""
    found = Roles()
    for role in texts:
        label, _, text = role.partition(SEPARATOR)
        if label == "product":
            found.product = found.product or text
        elif label == "brand":
            found.brand = found.brand or text
        else:
            found.attributes.append(Attribute(type=label, value=text))
    return found


def shown_roles(example: LabelledQuery) -> str:
    """Return the roles of a labelled query on one line, as prompts show them."""
    return "; ".join(role_texts(example.corrected, example)) or NONE_FITS


def _choices(names: Sequence[str]) -> tuple[Any, Any]:
    """Return the types of the best of ``names`` ("none" fits too) and of the list of others."""
    options = tuple(dict.fromkeys(names))
    best: Any = Literal[(*options, NONE_FITS)]
    other: Any = Literal[options] if options else str
    most = MAX_CATEGORIES - 1 if options else 0
    also: Any = Annotated[list[other], Field(max_length=most, json_schema_extra={"uniqueItems": True})]
    return best, also


def _after(words: Sequence[str], span: Sequence[str], place: int) -> int:
    """Return the place behind the first occurrence of ``span`` in ``words`` from ``place`` on, 0 if there is none."""
    for start in range(place, len(words) - len(span) + 1):
        if span and list(words[start : start + len(span)]) == list(span):
            return start + len(span)
    return 0
