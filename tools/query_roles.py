"""Roles of a query without a language model: a conditional random field over what is known of its words."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from state.errors import ModelsError
from state.guard import Embedder
from state.intent import ROLE_LABELS, Attribute, LabelledQuery, Roles
from state.settings import PROJECT_ROOT
from tools.role_features import role_features
from tools.role_words import RoleWords
from tools.spelling_vocabulary import Shop

if TYPE_CHECKING:
    import pycrfsuite

ROLES_FILE = PROJECT_ROOT / "models" / "intents" / "roles.crfsuite"
_LEAST_CHANCE = 1e-6
MOST_WORDS = 24
"""Words that are tagged; what a query says behind them has no role."""


class RolesCard(BaseModel):
    """What the weights are: their digest, how many queries they learnt from, and whose word vectors they expect."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sha256: str
    queries: int
    embedder: str


class CrfRoles:
    """Tags queries with their roles (Lafferty et al., 2001). Threads may share it."""

    def __init__(self, tagger: pycrfsuite.Tagger, known: RoleWords) -> None:
        self._tagger = tagger
        self._known = known
        # The tagger holds the sequence that it was given last.
        self._lock = threading.Lock()

    @classmethod
    def open(cls, path: Path, shop: Shop, labelled: Sequence[LabelledQuery], embedder: Embedder) -> Self:
        """Open the weights at ``path`` over the words of ``shop`` and of ``labelled``.

        Raises:
            ModelsError: the weights are missing, are not those of their card, or expect another embedder.
        """
        import pycrfsuite

        card = _checked_card(path, embedder.name)
        tagger = pycrfsuite.Tagger()
        tagger.open(str(path))
        unknown = {tag.partition("-")[2] for tag in tagger.labels()} - {"", *ROLE_LABELS}
        if unknown:
            raise ModelsError(f"{path} knows the roles {sorted(unknown)} ({card.queries} queries). Train it again.")
        return cls(tagger, RoleWords(shop, labelled, embedder))

    def roles(self, query: str) -> tuple[Roles, float]:
        """Return the roles of a spelling-corrected ``query`` and the probability of the whole tag sequence.

        Every value stands in the query, word for word. A query without words has no roles, surely.
        """
        typed = query.split()[:MOST_WORDS]
        if not typed:
            return Roles(), 1.0
        features = role_features([word.lower() for word in typed], self._known)
        with self._lock:
            tags = self._tagger.tag(features)
            chance = float(self._tagger.probability(tags))
        return roles_of_tags(typed, tags), chance

    def chances(self, words: Sequence[str], tags: Sequence[str]) -> np.ndarray:
        """Return float64 ``[words, tags]``: log probabilities of each tag for each of the lower-case ``words``."""
        features = role_features(words, self._known)
        with self._lock:
            self._tagger.set(features)
            known = set(self._tagger.labels())
            found = [
                [self._tagger.marginal(tag, at) if tag in known else 0.0 for tag in tags] for at in range(len(words))
            ]
        return np.log(np.array(found) + _LEAST_CHANCE)


def card_path(path: Path) -> Path:
    """Return where the card of the weights at ``path`` lies."""
    return path.with_suffix(".json")


def write_card(path: Path, sha256: str, queries: int, embedder: str) -> None:
    """Write the card of new weights."""
    card = RolesCard(sha256=sha256, queries=queries, embedder=embedder)
    path.write_text(card.model_dump_json(indent=1) + "\n", encoding="utf-8")


def _checked_card(path: Path, embedder: str) -> RolesCard:
    try:
        card = RolesCard.model_validate_json(card_path(path).read_bytes())
        found = hashlib.sha256(path.read_bytes()).hexdigest()
    except (OSError, ValidationError) as error:
        fault = str(error).splitlines()[0]
        raise ModelsError(f"the weights {path} cannot be used ({fault}). Restore them from the project.") from None
    if found != card.sha256:
        raise ModelsError(f"{path} is not the file of its card (SHA-256 {found[:12]}). Restore it from the project.")
    if embedder != card.embedder:
        raise ModelsError(
            f"{path} expects word vectors of '{card.embedder}', the embedder is '{embedder}'. Train it for this one: "
            "python benchmarks/query_roles.py --write"
        )
    return card


def roles_of_tags(words: Sequence[str], tags: Sequence[str]) -> Roles:
    """Return the roles that ``tags`` tell. Of several products or brands the first is taken, as answers are read."""
    roles, at = Roles(), 0
    while at < len(words):
        label, end = tags[at].partition("-")[2], at + 1
        while label and end < len(words) and tags[end] == f"I-{label}":
            end += 1
        text = " ".join(words[at:end])
        if label == "product":
            roles.product = roles.product or text
        elif label == "brand":
            roles.brand = roles.brand or text
        elif label:
            roles.attributes.append(Attribute(type=label, value=text))
        at = end
    return roles
