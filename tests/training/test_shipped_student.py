"""The adapters in ``models/student`` and ``models/query-student`` are those that their run cards record."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from safetensors import safe_open

from engines.installed import adapter_path
from engines.manifest import sha256_of
from state.settings import PROJECT_ROOT
from training.datasets import checksums
from training.student_card import model_card, rebuild_command
from training.student_config import ADAPTER, ADAPTER_CONFIG, RUN_CARD, read_card

STUDENTS = [PROJECT_ROOT / "models" / name for name in ("student", "query-student")]
pytestmark = pytest.mark.parametrize("student", STUDENTS, ids=lambda path: path.name)


def test_shipped_files_are_those_of_the_run_card(student: Path) -> None:
    card = read_card(student)
    assert set(card.files) == {ADAPTER, ADAPTER_CONFIG}
    assert card.files == {name: sha256_of(student / name) for name in card.files}


def test_the_run_learned_from_the_labels_that_ship(student: Path) -> None:
    shipped = checksums()
    learned = {name: digest for name, digest in read_card(student).config.data.items() if name in shipped}
    assert learned
    assert learned == {name: shipped[name] for name in learned}


def test_settings_find_the_adapter_by_its_name(student: Path) -> None:
    assert adapter_path(student.name) == student / ADAPTER


def test_the_adapter_fits_its_configuration_and_is_small(student: Path) -> None:
    config = json.loads((student / ADAPTER_CONFIG).read_text())
    card = read_card(student)
    assert (config["r"], config["lora_alpha"]) == (card.config.rank, card.config.alpha)
    assert config["base_model_name_or_path"] == card.config.base
    with safe_open(student / ADAPTER, framework="numpy") as tensors:
        shapes = [tensors.get_slice(name).get_shape() for name in tensors.keys()]  # noqa: SIM118
    assert all(card.config.rank in shape for shape in shapes)
    assert (student / ADAPTER).stat().st_size < 15_000_000


def test_the_model_card_holds_the_run_and_the_command_that_rebuilds_it(student: Path) -> None:
    card = read_card(student)
    text = (student / "README.md").read_text(encoding="utf-8")
    assert text == model_card(card)
    assert rebuild_command(card) in text


def test_no_path_of_a_machine_is_shipped(student: Path) -> None:
    for name in (ADAPTER_CONFIG, RUN_CARD, "README.md"):
        text = (student / name).read_text(encoding="utf-8")
        assert not [part for part in ("/home/", "/root/", "/tmp/", str(PROJECT_ROOT)) if part in text]
