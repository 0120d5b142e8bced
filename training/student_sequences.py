"""From chat examples to token sequences, masked to the answer, in the order in which a run reads them."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from training.examples import Task
from training.student_examples import ChatExample

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

IGNORED = -100
_SORTED_TOGETHER = 64
"""Sequences of one window are put into batches by length: less padding, and still a mix of tasks in every step."""


@dataclass(frozen=True)
class TokenSequence:
    """A prompt and its answer as token ids. The last ``answer_tokens`` are learned, end of turn included."""

    task: Task
    key: str
    input_ids: list[int]
    answer_tokens: int

    @property
    def labels(self) -> list[int]:
        """The ids to predict, ``IGNORED`` for the prompt."""
        prompt = len(self.input_ids) - self.answer_tokens
        return [IGNORED] * prompt + self.input_ids[prompt:]

    def __len__(self) -> int:
        return len(self.input_ids)


def tokenise(tokenizer: PreTrainedTokenizerBase, example: ChatExample) -> TokenSequence:
    """Return the example as the engine reads and writes it: the chat template up to the answer, then the answer.

    Both are tokenised apart, as at inference, and the answer ends with the model's end of turn.
    """
    messages = [{"role": str(m["role"]), "content": m["content"]} for m in example.messages]
    prompt = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
    asked = tokenizer(prompt, add_special_tokens=False).input_ids
    answer = [*tokenizer(example.answer, add_special_tokens=False).input_ids, tokenizer.eos_token_id]
    return TokenSequence(example.task, example.key, [*asked, *answer], len(answer))


def plan(
    sequences: Mapping[Task, Sequence[TokenSequence]],
    shares: Mapping[Task, float],
    *,
    tokens: int,
    batch: int,
    step: int,
    seed: int,
) -> list[TokenSequence]:
    """Return what a run of about ``tokens`` tokens reads, in order: whole steps of ``step`` sequences.

    Each task gets its share of the tokens (shares count relative to each other), pass after pass over its sequences,
    each pass in an order of its own, spread evenly over the run. Neighbours in batches of ``batch`` are of like length.
    """
    chance = random.Random(seed)
    total = sum(shares[task] for task in sequences)
    placed: list[tuple[float, TokenSequence]] = []
    for task in sorted(sequences):
        chosen = list(_passes(sequences[task], round(tokens * shares[task] / total), chance))
        placed += [((place + chance.random()) / len(chosen), sequence) for place, sequence in enumerate(chosen)]
    mixed = [sequence for _, sequence in sorted(placed, key=lambda pair: pair[0])]
    mixed = mixed[: len(mixed) // step * step] or mixed[:step]
    ordered: list[TokenSequence] = []
    window = max(_SORTED_TOGETHER // step, 1) * step
    for start in range(0, len(mixed), window):
        by_length = sorted(mixed[start : start + window], key=len)
        batches = [by_length[place : place + batch] for place in range(0, len(by_length), batch)]
        chance.shuffle(batches)
        ordered += [sequence for group in batches for sequence in group]
    return ordered


def _passes(sequences: Sequence[TokenSequence], tokens: int, chance: random.Random) -> Iterator[TokenSequence]:
    """Yield shuffled passes over ``sequences`` until ``tokens`` are spent; at least one sequence."""
    spent = 0
    while sequences:
        for sequence in chance.sample(sequences, len(sequences)):
            yield sequence
            spent += len(sequence)
            if spent >= tokens:
                return
