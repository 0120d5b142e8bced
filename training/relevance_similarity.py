"""What a sentence embedder knows about a pair: a second opinion beside the first network's when targets are made."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from state.guard import Embedder
from training.relevance_pairs import FITS, MARGINAL, LabelledPair

_REGULARISATION = 10.0


def similarity_features(pairs: Sequence[LabelledPair], embedder: Embedder) -> np.ndarray:
    """Return float64 ``[pairs, 5]``: cosine of the product's name to the title, to the nearest and second concept,
    the mean over concepts, and the larger of the first two."""
    texts = list(
        dict.fromkeys(text for pair in pairs for text in (pair.theme.title, *pair.theme.concepts, pair.product.name))
    )
    row = {text: at for at, text in enumerate(texts)}
    vectors = embedder.embed(texts)
    found = np.empty((len(pairs), 5))
    for at, pair in enumerate(pairs):
        product = vectors[row[pair.product.name]]
        concepts = np.sort(vectors[[row[text] for text in pair.theme.concepts]] @ product)[::-1]
        title = float(vectors[row[pair.theme.title]] @ product)
        found[at] = (title, concepts[0], concepts[min(1, len(concepts) - 1)], concepts.mean(), max(title, concepts[0]))
    return found


def similarity_logits(features: np.ndarray, labels: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the logits of a logistic regression on labelled ``features``, for them and for ``others``.

    Marginal pairs are left out of the fit.
    """
    from sklearn.linear_model import LogisticRegression

    clear = labels != MARGINAL
    model = LogisticRegression(C=_REGULARISATION).fit(features[clear], labels[clear] == FITS)
    return model.decision_function(features), model.decision_function(others) if len(others) else np.empty(0)
