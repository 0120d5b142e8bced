from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file
from support.tiny_student import tiny_base, tiny_config, tiny_data

from engines.manifest import sha256_of
from training.examples import Task
from training.student_config import ADAPTER, ADAPTER_CONFIG, RUN_CARD, StudentError, read_card
from training.student_data import StudentData
from training.student_run import last_checkpoint, run_student


class Killed(Exception):
    """Stands for a process that ends in the middle of a run."""


def killed_after(steps: int) -> Any:
    def on_step(done: int, planned: int, loss: float | None) -> None:
        if done > steps:
            raise Killed

    return on_step


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_base(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def finished(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tiny_data()
    return run_student(tiny_config(data), data, base, tmp_path_factory.mktemp("runs"), checkpoint_s=0)


def test_an_interrupted_run_ends_in_the_same_adapter(finished: Path, base: Path, tmp_path: Path) -> None:
    data = tiny_data()
    config = tiny_config(data)
    for steps in (3, 5):
        with pytest.raises(Killed):
            run_student(config, data, base, tmp_path, checkpoint_s=0, on_step=killed_after(steps))
    started: list[int] = []
    adapter = run_student(
        config, data, base, tmp_path, checkpoint_s=0, on_step=lambda done, planned, loss: started.append(done)
    )
    assert started[0] > 1
    assert (adapter / ADAPTER).read_bytes() == (finished / ADAPTER).read_bytes()
    again, once = read_card(adapter), read_card(finished)
    assert again.losses == once.losses
    assert again.tasks == once.tasks


def test_training_lowers_the_dev_loss_of_every_task(finished: Path) -> None:
    for card in read_card(finished).tasks.values():
        assert card.dev_loss[str(max(map(int, card.dev_loss)))] < card.dev_loss["0"] - 0.02


def test_a_finished_run_is_not_made_again(finished: Path, base: Path) -> None:
    data = tiny_data()
    before = sha256_of(finished / ADAPTER)
    again = run_student(tiny_config(data), data, base, finished.parent.parent, on_step=killed_after(-1))
    assert again == finished
    assert sha256_of(again / ADAPTER) == before


def test_the_card_names_the_files_beside_it_and_no_path(finished: Path, base: Path) -> None:
    card = read_card(finished)
    assert {path.name for path in finished.iterdir()} == {ADAPTER, ADAPTER_CONFIG, RUN_CARD}
    assert card.files == {name: sha256_of(finished / name) for name in (ADAPTER, ADAPTER_CONFIG)}
    assert str(base) not in (finished / ADAPTER_CONFIG).read_text() + (finished / RUN_CARD).read_text()
    assert json.loads((finished / ADAPTER_CONFIG).read_text())["base_model_name_or_path"] == "tiny"
    assert card.sequences == card.steps * card.config.step == sum(task.sequences for task in card.tasks.values())


def test_the_adapter_is_stored_in_bf16_for_all_linear_layers(finished: Path) -> None:
    tensors = load_file(finished / ADAPTER)
    assert {str(tensor.dtype) for tensor in tensors.values()} == {"torch.bfloat16"}
    assert len(tensors) == 2 * 7 * 2


def test_a_time_limit_ends_the_run_with_a_card(base: Path, tmp_path: Path) -> None:
    data = tiny_data()
    config = tiny_config(data, tokens=2_000_000, max_minutes=0.02)
    card = read_card(run_student(config, data, base, tmp_path))
    assert 1 <= card.steps < card.steps_planned
    assert card.seconds < 60


def test_a_checkpoint_cut_short_is_passed_over(tmp_path: Path) -> None:
    for step, content in ((5, "{}"), (10, '{"epoch": ')):
        folder = tmp_path / f"checkpoint-{step}"
        folder.mkdir()
        (folder / "trainer_state.json").write_text(content)
    (tmp_path / "checkpoint-15").mkdir()
    assert last_checkpoint(tmp_path) == tmp_path / "checkpoint-5"


def test_nothing_to_learn_from_is_an_error(base: Path, tmp_path: Path) -> None:
    empty = StudentData({Task.DESIGN: []}, {Task.DESIGN: []}, {})
    with pytest.raises(StudentError, match="no examples for design"):
        run_student(tiny_config(tiny_data(), tasks=(Task.DESIGN,)), empty, base, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_every_value_of_the_configuration_makes_another_run() -> None:
    data = tiny_data()
    prints = {
        tiny_config(data, **change).fingerprint
        for change in ({}, {"rank": 8}, {"seed": 8}, {"tokens": 9}, {"base_digest": "1"}, {"step": 2})
    }
    assert len(prints) == 6
