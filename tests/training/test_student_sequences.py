from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest
from pydantic import BaseModel
from support.tiny_student import tiny_data, tiny_tokenizer

from training.examples import Task
from training.student_examples import ChatExample
from training.student_sequences import IGNORED, plan, tokenise

SHARES = {Task.DESIGN: 0.5, Task.KEYWORDS: 0.3, Task.JUDGE: 0.2}


def test_the_mask_covers_the_answer_and_the_end_of_turn_and_nothing_else() -> None:
    tokenizer = tiny_tokenizer()
    messages = [{"role": "system", "content": "Be short."}, {"role": "user", "content": 'Crème "fraîche"?'}]
    example = ChatExample(Task.DESIGN, "7", messages, '{"title": "Crème brûlée"}', BaseModel)
    sequence = tokenise(tokenizer, example)
    learned = [token for token in sequence.labels if token != IGNORED]
    asked = sequence.input_ids[: len(sequence) - len(learned)]
    assert tokenizer.decode(learned) == '{"title": "Crème brûlée"}<|im_end|>'
    assert tokenizer.decode(asked) == (
        '<|im_start|>system\nBe short.<|im_end|>\n<|im_start|>user\nCrème "fraîche"?<|im_end|>\n<|im_start|>assistant\n'
    )
    assert len(sequence.labels) == len(sequence.input_ids)


def planned(tokens: int = 4000, seed: int = 7) -> list:
    return plan(tiny_data().train, SHARES, tokens=tokens, batch=2, step=8, seed=seed)


def test_tasks_get_their_shares_of_the_tokens() -> None:
    order = planned(20_000)
    spent = Counter[Task]()
    for row in order:
        spent[row.task] += len(row)
    assert spent.total() == pytest.approx(20_000, rel=0.02)
    assert all(spent[task] / spent.total() == pytest.approx(share, abs=0.02) for task, share in SHARES.items())


def test_a_plan_holds_whole_steps_and_depends_on_its_seed_alone() -> None:
    assert len(planned()) % 8 == 0
    assert planned() == planned()
    assert planned() != planned(seed=8)


def test_no_example_is_read_twice_more_often_than_another_of_its_task() -> None:
    counts = Counter(row.key for row in planned(20_000))
    for task in SHARES:
        own = [count for key, count in counts.items() if key.startswith(f"{task}-")]
        assert max(own) - min(own) <= 2


def test_every_part_of_a_plan_mixes_the_tasks() -> None:
    order = planned(20_000)
    for start in range(0, len(order) - 128, 64):
        assert {row.task for row in order[start : start + 64]} == set(SHARES)


def test_batches_hold_sequences_of_like_length() -> None:
    order = planned(20_000)
    waste = sum(abs(len(one) - len(other)) for one, other in zip(order[::2], order[1::2], strict=True))
    neighbours = sum(abs(len(one) - len(other)) for one, other in pairwise(tiny_data().train[Task.DESIGN]))
    assert waste / (len(order) / 2) < neighbours / 23 / 3


def test_a_budget_below_one_step_still_gives_a_step() -> None:
    assert 1 <= len(planned(tokens=1)) <= 8
