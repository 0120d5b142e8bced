"""The labelled queries that ship with the app: the training split, without what would give away another query."""

from __future__ import annotations

from pathlib import Path

from training.datasets import load_examples, write_dataset
from training.examples import IntentExample, Task


def labelled_for_serving() -> list[IntentExample]:
    """Return the shipped labels of the training split, but those that read as a query of dev or test once corrected.

    Raises:
        DatasetError: the labels are not the ones that were shipped.
    """
    rows: list[IntentExample] = list(load_examples(Task.INTENTS))
    held_out = {key for row in rows if row.split != "train" for key in _keys(row)}
    return [row for row in rows if row.split == "train" and not _keys(row) & held_out]


def write_labelled(path: Path) -> tuple[int, str]:
    """Write :func:`labelled_for_serving`; return the number of rows and the SHA-256 of the file.

    Raises:
        DatasetError: the file cannot be written.
    """
    rows = labelled_for_serving()
    return len(rows), write_dataset(path, rows)


def _keys(row: IntentExample) -> set[str]:
    return {row.key, " ".join(row.corrected.casefold().split())}
