"""The labelled queries that ship with the app: what the gate left of the training split."""

from __future__ import annotations

from pathlib import Path

from training.datasets import load_examples, write_dataset
from training.examples import IntentExample, Task


def write_labelled(path: Path) -> tuple[int, str]:
    """Write the training split's labels; return the number of rows and the SHA-256 of the file.

    The gate left out what reads as a query of dev or test once corrected: nothing that serves answers a held-out query.

    Raises:
        DatasetError: the labels are not the ones that were shipped, or the file cannot be written.
    """
    rows: list[IntentExample] = [
        row.model_copy(update={"gate": None, "train_only": False}) for row in load_examples(Task.INTENTS, "train")
    ]
    return len(rows), write_dataset(path, rows)
