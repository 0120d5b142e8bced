"""How likely a rewrite is a synonym: another name of the same thing, by what changed and who taught it."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from math import exp, log1p
from pathlib import Path
from typing import Self

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from catalog.surface import stems
from state.errors import ModelsError
from state.intent import Roles
from state.settings import PROJECT_ROOT
from tools.labelled_queries import LabelledQueries
from tools.other_names import OtherNames, kind_of, what_differs, within

SYNONYMS_FILE = PROJECT_ROOT / "models" / "intents" / "synonyms.json"
SIGNS = (
    "cosine",
    "cosine_of_parts",
    "taught_here",
    "taught_anywhere",
    "taught_share",
    "kept",
    "new",
    "longer",
    "repeated",
    "brand_kept",
    "attributes_kept",
    "attribute_renamed",
    "product_kept",
    "product_renamed",
    "one_part",
    "part_words",
)
"""What the model looks at, in the order of its weights."""


class SynonymModel(BaseModel):
    """Weights of a logistic regression over :data:`SIGNS`; rewrites below ``threshold`` are no synonyms."""

    model_config = ConfigDict(extra="allow", frozen=True)

    signs: tuple[str, ...]
    weights: tuple[float, ...]
    offset: float
    threshold: float
    embedder: str


class Synonyms:
    """Tells how likely rewrites are synonyms of a query."""

    def __init__(self, model: SynonymModel, labelled: LabelledQueries, names: OtherNames | None = None) -> None:
        self._model = model
        self._embedder = labelled.known_vectors
        self._names = names or OtherNames(labelled.rows)

    @classmethod
    def open(cls, labelled: LabelledQueries, names: OtherNames | None = None, path: Path = SYNONYMS_FILE) -> Self:
        """Read the fitted model; ``names`` are those of ``labelled``, made here if not given.

        Raises:
            ModelsError: it is missing, of other signs, or expects another embedder.
        """
        fix = "Restore it, or run: python benchmarks/query_synonyms.py --write"
        try:
            model = SynonymModel.model_validate(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, ValidationError) as error:
            raise ModelsError(f"{path} cannot be used ({type(error).__name__}). {fix}") from None
        name = labelled.known_vectors.name
        if model.signs != SIGNS or len(model.weights) != len(SIGNS):
            raise ModelsError(f"{path} was fitted for other signs. {fix}")
        if model.embedder != name:
            raise ModelsError(f"{path} was fitted for the embedder '{model.embedder}', not '{name}'. {fix}")
        return cls(model, labelled, names)

    def best(
        self,
        query: str,
        roles: Roles,
        categories: Collection[str],
        rewrites: Sequence[str],
        *,
        without: Collection[str] = frozenset(),
    ) -> list[str]:
        """Return those of ``rewrites`` that are likely synonyms of ``query``, likeliest first, each once."""
        distinct = list(dict.fromkeys(rewrites))
        chances = self.chances(query, roles, categories, distinct, without=without)
        order = sorted(range(len(distinct)), key=lambda at: -chances[at])
        return [distinct[at] for at in order if chances[at] >= self._model.threshold]

    def chances(
        self,
        query: str,
        roles: Roles,
        categories: Collection[str],
        rewrites: Sequence[str],
        *,
        without: Collection[str] = frozenset(),
    ) -> list[float]:
        """Return for each of ``rewrites`` the chance (0 to 1) that it is a synonym of ``query``."""
        model = self._model
        rows = self.signs(query, roles, categories, rewrites, without=without)
        logits = [model.offset + sum(w * x for w, x in zip(model.weights, row, strict=True)) for row in rows]
        return [1 / (1 + exp(-max(min(logit, 30.0), -30.0))) for logit in logits]

    def signs(
        self,
        query: str,
        roles: Roles,
        categories: Collection[str],
        rewrites: Sequence[str],
        *,
        without: Collection[str] = frozenset(),
    ) -> list[list[float]]:
        """Return the values of :data:`SIGNS` for each of ``rewrites``. Queries of ``without`` teach nothing."""
        if not rewrites:
            return []
        pairs = [what_differs(query, rewrite) for rewrite in rewrites]
        texts = list(dict.fromkeys([query, *rewrites, *(part for pair in pairs if pair for part in pair)]))
        vectors = dict(zip(texts, np.asarray(self._embedder.embed(texts)), strict=True))
        asked, product = stems(query), roles.product or ""
        rows = []
        for rewrite, pair in zip(rewrites, pairs, strict=True):
            part, name = pair or ("", "")
            taught = self._names.taught(part, name, roles, categories, without=without)
            said = stems(rewrite)
            same = len({*asked} & {*said})
            cosine = float(vectors[query] @ vectors[rewrite])
            rows.append(
                [
                    cosine,
                    float(vectors[part] @ vectors[name]) if pair else cosine,
                    log1p(taught.here),
                    log1p(taught.anywhere),
                    taught.share,
                    same / max(len({*asked}), 1),
                    1 - same / max(len({*said}), 1),
                    len(said) / max(len(asked), 1),
                    float(len(said) != len({*said})),
                    float(not roles.brand or within(roles.brand, rewrite)),
                    _share([within(item.value, rewrite) for item in roles.attributes]),
                    float(taught.anywhere > 0 and kind_of(part, roles) == "attribute"),
                    float(bool(product) and within(product, rewrite)),
                    float(part == product != ""),
                    float(pair is not None),
                    len(part.split()) / 3,
                ]
            )
        return rows


def _share(held: Sequence[bool]) -> float:
    return sum(held) / len(held) if held else 1.0
