"""A merged model stands in for exactly the model and the adapter that it was made of."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file
from typer.testing import CliRunner

import engines.fetch
from cli.models import app
from engines.embedded import EmbeddedEngine
from engines.fetch import fetch_merged
from engines.manifest import read_manifest, write_manifest
from engines.merged import merged_name, merged_path
from engines.runtime import ModelSpec
from engines.versions import models_version
from state.errors import ModelsError, ModelsMissing
from state.settings import PAGE_ROLES, RoleSettings, Settings, load_settings

BASE = "small"
SHAPES = {
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "num_hidden_layers": 1,
}


def lora(folder: Path, value: float = 0.1, width: int = 16) -> Path:
    folder.mkdir(exist_ok=True)
    layer = "base_model.model.model.layers.0.self_attn.q_proj"
    sides = {"A": np.full((2, width), value, np.float32), "B": np.full((16, 2), value, np.float32)}
    save_file(
        {f"{layer}.lora_{side}.weight": values for side, values in sides.items()}, folder / "adapter_model.safetensors"
    )
    (folder / "adapter_config.json").write_text(json.dumps({"r": 2, "lora_alpha": 4}))
    return folder


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    return lora(tmp_path / "tuned")


@pytest.fixture
def settings(tmp_path: Path, adapter: Path) -> Settings:
    """A shop whose page roles are answered by one model with one adapter; its plain weights were kept."""
    role = RoleSettings(model=BASE, adapter=str(adapter))
    settings = Settings(home=tmp_path / "home", roles=dict.fromkeys(PAGE_ROLES, role))
    folder = settings.models_dir / BASE
    (folder / "hf").mkdir(parents=True)
    for place in (folder, folder / "hf"):
        (place / "config.json").write_text(json.dumps(SHAPES))
    (folder / "openvino_model.bin").write_bytes(b"base")
    write_manifest(folder, BASE, "chat", {"package": "small"})
    return settings


@pytest.fixture
def converted(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Return the commands of a converter that takes no minutes."""
    commands: list[list[str]] = []

    def convert(command: list[str], **_: Any) -> subprocess.CompletedProcess[bytes]:
        commands.append(command)
        out = Path(command[5])
        out.mkdir()
        (out / "openvino_model.bin").write_bytes(b"base and adapter")
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(engines.fetch.subprocess, "run", convert)
    return commands


def spec(settings: Settings) -> ModelSpec:
    return EmbeddedEngine(settings, settings.roles[PAGE_ROLES[0]])._spec()


def test_the_engine_takes_the_merged_model_once_it_is_there(
    settings: Settings, adapter: Path, converted: list[list[str]]
) -> None:
    weights = adapter / "adapter_model.safetensors"
    before = spec(settings)
    assert (before.folder.name, before.adapter) == (BASE, weights)
    version = models_version(settings, "scorer/1")
    made = fetch_merged(settings, BASE, str(adapter))
    assert converted[0][converted[0].index("--adapter") + 1] == str(weights)
    assert converted[0][4] == str(settings.models_dir / BASE / "hf")
    after = spec(settings)
    assert (after.folder, after.adapter) == (made.folder, None)
    assert models_version(settings, "scorer/1") == version, "the contents are the same, in another form"
    assert read_manifest(made.folder).source["base"] == BASE
    assert fetch_merged(settings, BASE, str(adapter)).already_there
    assert len(converted) == 1


def test_it_stands_in_for_no_other_adapter_or_model(
    settings: Settings, adapter: Path, converted: list[list[str]]
) -> None:
    fetch_merged(settings, BASE, str(adapter))
    names = {merged_name(settings, BASE, str(adapter))}
    lora(adapter, value=0.2)
    assert spec(settings).adapter is not None
    names.add(merged_name(settings, BASE, str(adapter)))
    lora(adapter)
    assert spec(settings).adapter is None
    (settings.models_dir / BASE / "openvino_model.bin").write_bytes(b"another base")
    write_manifest(settings.models_dir / BASE, BASE, "chat", {})
    assert spec(settings).adapter is not None
    names.add(merged_name(settings, BASE, str(adapter)))
    assert len(names) == 3


def test_a_merged_model_that_is_not_whole_or_not_wanted_is_left_aside(
    settings: Settings, adapter: Path, converted: list[list[str]]
) -> None:
    made = fetch_merged(settings, BASE, str(adapter))
    assert spec(settings.model_copy(update={"merged": False})).adapter is not None
    (made.folder / "openvino_model.bin").write_bytes(b"cut")
    assert merged_path(settings, BASE, str(adapter)) is None
    assert spec(settings).adapter is not None
    assert not fetch_merged(settings, BASE, str(adapter)).already_there
    assert spec(settings).adapter is None


def test_what_cannot_be_merged_says_why_and_writes_nothing(
    settings: Settings, adapter: Path, tmp_path: Path, converted: list[list[str]]
) -> None:
    before = sorted(settings.models_dir.iterdir())
    with pytest.raises(ModelsError, match="trained for another model"):
        fetch_merged(settings, BASE, str(lora(tmp_path / "wide", width=32)))
    with pytest.raises(ModelsError, match="no adapter 'gone'"):
        fetch_merged(settings, BASE, "gone")
    (settings.models_dir / BASE / "hf" / "config.json").unlink()
    write_manifest(settings.models_dir / BASE, BASE, "chat", {})
    with pytest.raises(ModelsMissing, match="models fetch small --keep-hf"):
        fetch_merged(settings, BASE, str(adapter))
    assert sorted(settings.models_dir.iterdir()) == before
    assert converted == []


def test_the_fetch_command_goes_on_where_nothing_can_be_merged(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, converted: list[list[str]]
) -> None:
    embedder = settings.models_dir / settings.embedder.model
    embedder.mkdir()
    write_manifest(embedder, settings.embedder.model, "embedder", {})
    (settings.models_dir / BASE / "hf" / "config.json").unlink()
    write_manifest(settings.models_dir / BASE, BASE, "chat", {})
    roles = dict.fromkeys(load_settings().roles, settings.roles[PAGE_ROLES[0]])
    monkeypatch.setattr("cli.models.load_settings", lambda: settings.model_copy(update={"roles": roles}))
    shown = CliRunner().invoke(app, ["fetch"])
    assert shown.exit_code == 0, shown.output
    assert "not merged" in shown.output + shown.stderr
    assert converted == []
