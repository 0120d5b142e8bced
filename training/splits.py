"""The splits: which shoppers, themes and queries are for training, for choosing, and for measuring.

A split is fixed by a hash of the key alone, so that it is the same for every file, version and order of the data. A
theme's id is ``<shopper>-<position>`` and it goes where its shopper goes: no theme of a test shopper is trained on.
"""

from __future__ import annotations

import hashlib
from typing import Literal, get_args

Split = Literal["train", "dev", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)

_SALT = "shelfwise-splits-1"
_TRAIN, _DEV = 80, 90


def shopper_split(shopper_id: str) -> Split:
    """Return the split of a shopper, their designs and their pages."""
    return _split("shopper", shopper_id)


def theme_split(theme_id: str) -> Split:
    """Return the split of a theme: that of its shopper.

    Raises:
        ValueError: ``theme_id`` is not ``<shopper>-<position>``.
    """
    return shopper_split(shopper_of(theme_id))


def query_split(query: str) -> Split:
    """Return the split of a query; case and spacing do not matter."""
    return _split("query", " ".join(query.casefold().split()))


def shopper_of(theme_id: str) -> str:
    """Return the shopper of a theme.

    Raises:
        ValueError: ``theme_id`` is not ``<shopper>-<position>``.
    """
    shopper, dash, position = theme_id.rpartition("-")
    if not (shopper and dash and position.isdecimal()):
        raise ValueError(f"theme id {theme_id!r} is not <shopper>-<position>")
    return shopper


def _split(kind: str, key: str) -> Split:
    digest = hashlib.sha256(f"{_SALT}:{kind}:{key}".encode()).digest()
    bucket = int.from_bytes(digest[:8]) % 100
    if bucket < _TRAIN:
        return "train"
    return "dev" if bucket < _DEV else "test"
