from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.tiny_student import tiny_base, tiny_config, tiny_data

from engines.manifest import write_manifest
from state.errors import ModelsError, ModelsMissing
from state.settings import Settings
from training.student_card import model_card, rebuild_command
from training.student_config import ADAPTER, ADAPTER_CONFIG, RUN_CARD, StudentError, read_card
from training.student_export import export_merged, export_module, install_merged, ship
from training.student_run import run_student


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A home in which the tiny base is fetched, plain weights kept, and a wider one besides."""
    settings = Settings(home=tmp_path_factory.mktemp("home"))
    for name, hidden in (("tiny", 16), ("wide", 32)):
        folder = settings.models_dir / name
        tiny_base(folder / "hf", hidden=hidden)
        shutil.copy(folder / "hf" / "config.json", folder)
        write_manifest(folder, name, "chat", {"package": "tiny"})
    return settings


@pytest.fixture(scope="module")
def adapter(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tiny_data()
    base = settings.models_dir / "tiny" / "hf"
    return run_student(tiny_config(data, tokens=600), data, base, tmp_path_factory.mktemp("runs"))


@contextmanager
def untouched(folder: Path) -> Iterator[None]:
    """Asserts that nothing below ``folder`` changes, hidden files included."""

    def content() -> dict[str, bytes]:
        return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    before = content()
    yield
    assert content() == before


def test_merged_weights_answer_as_the_base_with_its_adapter(settings: Settings, adapter: Path, tmp_path: Path) -> None:
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    out = export_merged(settings, adapter, tmp_path / "merged")
    load = AutoModelForCausalLM.from_pretrained
    base = load(settings.models_dir / "tiny" / "hf", dtype=torch.float32)
    ids = torch.arange(3, 60).unsqueeze(0)
    with torch.no_grad():
        bare = base(ids).logits
        tuned = PeftModel.from_pretrained(base, str(adapter))(ids).logits
        merged = load(out, dtype=torch.float32)(ids).logits
    assert (merged - tuned).abs().max() < 0.02 < (tuned - bare).abs().max()
    assert AutoTokenizer.from_pretrained(out).chat_template


def test_a_lora_module_holds_the_adapter_and_nothing_else(settings: Settings, adapter: Path, tmp_path: Path) -> None:
    out = export_module(settings, adapter, tmp_path / "module")
    assert {path.name for path in out.iterdir()} == {ADAPTER, ADAPTER_CONFIG}
    assert (out / ADAPTER).read_bytes() == (adapter / ADAPTER).read_bytes()


def test_what_is_there_is_kept_unless_forced(settings: Settings, adapter: Path, tmp_path: Path) -> None:
    out = tmp_path / "there"
    out.mkdir()
    (out / "mine.txt").write_text("precious")
    with untouched(tmp_path), pytest.raises(StudentError, match="is there already"):
        export_merged(settings, adapter, out)
    with untouched(settings.home), pytest.raises(StudentError, match="'wide' is installed"):
        install_merged(settings, adapter, "wide")
    export_module(settings, adapter, out, force=True)
    assert not (out / "mine.txt").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["there"]


def test_a_corrupt_adapter_is_named_and_nothing_is_written(settings: Settings, adapter: Path, tmp_path: Path) -> None:
    broken, out = tmp_path / "broken", tmp_path / "out"
    shutil.copytree(adapter, broken)
    content = (broken / ADAPTER).read_bytes()
    (broken / ADAPTER).write_bytes(content[: len(content) // 2])
    with untouched(settings.home), pytest.raises(ModelsError, match="damaged"):
        export_merged(settings, broken, out)
    (broken / ADAPTER).unlink()
    with pytest.raises(StudentError, match="holds no adapter_model"):
        export_module(settings, broken, out)
    assert not out.exists()


def test_a_base_that_the_adapter_does_not_fit_is_refused(settings: Settings, adapter: Path, tmp_path: Path) -> None:
    for export in (export_merged, export_module):
        with pytest.raises(ModelsError, match="trained for another model"):
            export(settings, adapter, tmp_path / "out", base="wide")
    with untouched(settings.home), pytest.raises(ModelsError, match="trained for another model"):
        install_merged(settings, adapter, "new", base="wide")
    assert list(tmp_path.iterdir()) == []


def test_missing_plain_weights_name_the_command_that_fetches_them(adapter: Path, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    with pytest.raises(ModelsMissing, match="shelfwise models fetch tiny"):
        export_merged(settings, adapter, tmp_path / "out")
    folder = settings.models_dir / "tiny"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    write_manifest(folder, "tiny", "chat", {})
    with pytest.raises(ModelsMissing, match="models fetch tiny --keep-hf"):
        export_merged(settings, adapter, tmp_path / "out")


def test_a_shipped_adapter_has_its_cards(adapter: Path, tmp_path: Path) -> None:
    card = read_card(adapter)
    out = ship(adapter, tmp_path / "student", model_card(card))
    assert {path.name for path in out.iterdir()} == {ADAPTER, ADAPTER_CONFIG, RUN_CARD, "README.md"}
    text = (out / "README.md").read_text()
    assert rebuild_command(card) in text
    assert "2 rows left out, design: title breaks the schema" in text
    assert str(tmp_path) not in text
    with pytest.raises(StudentError, match="is there already"):
        ship(adapter, out, "other")
    assert (out / "README.md").read_text() == text


def test_a_card_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StudentError, match="no run card"):
        read_card(tmp_path)
    (tmp_path / RUN_CARD).write_text(json.dumps({"config": 1}))
    with pytest.raises(StudentError, match="is no run card"):
        read_card(tmp_path)
