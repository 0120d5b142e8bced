"""Trains the sequence tagger of query roles: a conditional random field over catalogue and label features."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from state.guard import Embedder
from state.intent import LabelledQuery
from tools.query_roles import card_path, write_card
from tools.role_features import role_features
from tools.role_words import RoleWords, tagged
from tools.spelling_vocabulary import Shop

C1, C2, ROUNDS, RARE = 1.0, 0.05, 100, 0.0
"""L1 and L2 penalties, L-BFGS rounds and the least count of a feature, chosen by cross-validation over train."""


def train_crf(rows: Sequence[LabelledQuery], path: Path, shop: Shop, embedder: Embedder) -> None:
    """Train on ``rows`` and write the weights to ``path`` with a card beside it, a few seconds for a thousand rows.

    The roles of each row are learnt as if it were not among the labelled queries that features look up.
    """
    import pycrfsuite

    known = RoleWords(shop, rows, embedder)
    trainer = pycrfsuite.Trainer(algorithm="lbfgs", verbose=False)
    for row in rows:
        pairs = tagged(row)
        trainer.append(role_features([word for word, _ in pairs], known, row), [tag for _, tag in pairs])
    trainer.set_params(
        {"c1": C1, "c2": C2, "max_iterations": ROUNDS, "feature.minfreq": RARE, "feature.possible_transitions": True}
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    trainer.train(str(path))
    write_card(card_path(path), hashlib.sha256(path.read_bytes()).hexdigest(), len(rows), embedder.name)
