"""The models version tells contents: what was replaced under the same name is another version."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engines import versions
from engines.batching import shared_pipeline
from engines.embedded import EmbeddedEngine
from engines.manifest import sha256_of, write_manifest
from engines.versions import content_digest, models_version, role_version
from state.settings import PAGE_ROLES, RoleSettings, Settings

CHAT = "small"


def model(settings: Settings, name: str, weights: bytes = b"weights") -> None:
    folder = settings.models_dir / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "openvino_model.bin").write_bytes(weights)
    write_manifest(folder, name, "chat", {})


def adapter(folder: Path, weights: bytes = b"adapter", alpha: int = 8) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "adapter_model.safetensors").write_bytes(weights)
    (folder / "adapter_config.json").write_text(f'{{"r": 8, "lora_alpha": {alpha}}}')
    return folder


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A shop whose page roles are answered by one model with one adapter."""
    role = RoleSettings(model=CHAT, adapter=str(adapter(tmp_path / "tuned")))
    settings = Settings(home=tmp_path / "home", roles=dict.fromkeys(PAGE_ROLES, role))
    for name in (CHAT, settings.embedder.model):
        model(settings, name)
    return settings


def with_role(settings: Settings, role: RoleSettings) -> Settings:
    return settings.model_copy(update={"roles": {**settings.roles, PAGE_ROLES[0]: role}})


def test_what_is_the_same_has_the_same_version(settings: Settings) -> None:
    assert models_version(settings, "scorer/1") == models_version(settings, "scorer/1")


def test_an_adapter_replaced_under_the_same_name_is_another_version(settings: Settings, tmp_path: Path) -> None:
    before = models_version(settings, "scorer/1")
    adapter(tmp_path / "tuned", weights=b"ADAPTER")
    replaced = models_version(settings, "scorer/1")
    adapter(tmp_path / "tuned", weights=b"ADAPTER", alpha=16)
    stronger = models_version(settings, "scorer/1")
    adapter(tmp_path / "tuned")
    assert len({before, replaced, stronger}) == 3
    assert models_version(settings, "scorer/1") == before


def test_weights_embedder_scorer_and_served_models_change_the_version(settings: Settings) -> None:
    served = RoleSettings(engine="openai", model="big", base_url="http://localhost/v1")
    larger = served.model_copy(update={"model": "bigger"})
    found = [models_version(settings, scorer) for scorer in ("scorer/1", "scorer/2")]
    found += [models_version(with_role(settings, role), "scorer/1") for role in (served, larger)]
    model(settings, CHAT, b"trained further")
    found.append(models_version(settings, "scorer/1"))
    model(settings, settings.embedder.model, b"another embedder")
    found.append(models_version(settings, "scorer/1"))
    assert len(set(found)) == len(found)


def test_what_is_not_there_is_told_and_stops_nobody(settings: Settings, tmp_path: Path) -> None:
    whole = models_version(settings, "scorer/1")
    (tmp_path / "tuned" / "adapter_model.safetensors").unlink()
    assert models_version(settings, "scorer/1") != whole
    (settings.models_dir / CHAT / "manifest.json").write_text("{")
    assert "not there" in role_version(settings, settings.roles[PAGE_ROLES[0]])


def test_a_file_is_read_again_only_when_it_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Path] = []

    def counting(path: Path) -> str:
        read.append(path)
        return sha256_of(path)

    monkeypatch.setattr(versions, "sha256_of", counting)
    path = tmp_path / "adapter.safetensors"
    path.write_bytes(b"one")
    first = [content_digest(path) for _ in range(3)]
    assert len(read) == 1
    path.write_bytes(b"two")
    os.utime(path, ns=(1, 1))
    assert content_digest(path) not in first
    assert len(read) == 2


def test_a_replaced_adapter_is_loaded_and_the_old_pipeline_let_go(settings: Settings, tmp_path: Path) -> None:
    engine = EmbeddedEngine(settings, settings.roles[PAGE_ROLES[0]])
    before = shared_pipeline(engine._spec())
    assert shared_pipeline(engine._spec()) is before
    adapter(tmp_path / "tuned", weights=b"ADAPTER")
    after = shared_pipeline(engine._spec())
    assert after is not before
    adapter(tmp_path / "tuned")
    assert shared_pipeline(engine._spec()) is not before, "it was let go of"
