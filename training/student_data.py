"""What a run learns from and is watched on: the examples of the train and dev splits as token sequences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from training.datasets import FILES, checksums
from training.examples import Task
from training.student_config import digest_of
from training.student_examples import StudentShop, chat_examples
from training.student_sequences import TokenSequence, tokenise

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

DEV_EXAMPLES = 16
"""Examples of a task whose loss is measured during a run."""


@dataclass(frozen=True)
class StudentData:
    """Token sequences by task. ``left_out`` counts rows that cannot be learned, by reason."""

    train: Mapping[Task, Sequence[TokenSequence]]
    dev: Mapping[Task, Sequence[TokenSequence]]
    left_out: Mapping[str, int]

    def versions(self) -> dict[str, str]:
        """Return the SHA-256 of the shipped labels and of the very tokens that are learned and watched."""
        shipped = {FILES[task]: checksums()[FILES[task]] for task in sorted(self.train) if task in FILES}
        tokens = [
            [row.input_ids, row.answer_tokens]
            for split in (self.train, self.dev)
            for task in sorted(split)
            for row in split[task]
        ]
        return {**shipped, "sequences": digest_of(tokens)}

    def share(self, part: float) -> StudentData:
        """Return a ``part`` of the training sequences of each task; a smaller part lies within a larger one."""
        train = {task: rows[: max(1, round(part * len(rows)))] for task, rows in self.train.items()}
        return StudentData(train, self.dev, self.left_out)


def student_data(shop: StudentShop, tokenizer: PreTrainedTokenizerBase, tasks: Sequence[Task]) -> StudentData:
    """Return all that ships for ``tasks``; see :func:`training.student_examples.chat_examples`."""
    train, dev = chat_examples(shop, tasks, "train"), chat_examples(shop, tasks, "dev", most=DEV_EXAMPLES)
    return StudentData(
        train={task: [tokenise(tokenizer, row) for row in rows] for task, rows in train.rows.items()},
        dev={task: [tokenise(tokenizer, row) for row in rows] for task, rows in dev.rows.items()},
        left_out=Counter(train.left_out),
    )
