"""Adapters that do not fit are refused: the runtime would ignore them without a word."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from engines.adapters import check_adapter, lora_scale
from state.errors import ModelsError

CONFIG = {
    "hidden_size": 8,
    "intermediate_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    return tmp_path


def adapter(folder: Path, module: str, out: int, into: int, *, name: str = "base_model.model.model") -> Path:
    prefix = f"{name}.layers.{module}"
    tensors = {
        f"{prefix}.lora_A.weight": np.zeros((2, into), np.float32),
        f"{prefix}.lora_B.weight": np.zeros((out, 2), np.float32),
    }
    path = folder / "adapter_model.safetensors"
    save_file(tensors, path)
    return path


@pytest.mark.parametrize(
    ("module", "out", "into"),
    [("0.self_attn.q_proj", 8, 8), ("1.self_attn.v_proj", 4, 8), ("0.mlp.down_proj", 8, 16)],
)
def test_an_adapter_that_fits_is_taken(model: Path, module: str, out: int, into: int) -> None:
    check_adapter(adapter(model, module, out, into), model)


@pytest.mark.parametrize(
    ("module", "out", "into"),
    [("0.self_attn.q_proj", 9, 8), ("2.self_attn.q_proj", 8, 8), ("0.self_attn.v_proj", 8, 8), ("0.mlp.c_fc", 8, 8)],
)
def test_an_adapter_of_another_model_is_refused(model: Path, module: str, out: int, into: int) -> None:
    with pytest.raises(ModelsError, match="trained for another model"):
        check_adapter(adapter(model, module, out, into), model)


def test_a_file_without_lora_tensors_is_refused(model: Path) -> None:
    path = model / "other.safetensors"
    save_file({"weight": np.zeros(2, np.float32)}, path)
    with pytest.raises(ModelsError, match="holds no LoRA tensors"):
        check_adapter(path, model)


@pytest.mark.parametrize("content", [b"", b"garbage garbage garbage"])
def test_a_damaged_file_is_refused(model: Path, content: bytes) -> None:
    path = model / "bad.safetensors"
    path.write_bytes(content)
    with pytest.raises(ModelsError, match="damaged or no safetensors"):
        check_adapter(path, model)


def test_the_scale_is_alpha_over_rank(tmp_path: Path) -> None:
    path = tmp_path / "adapter_model.safetensors"
    assert lora_scale(path) == 1.0
    config = tmp_path / "adapter_config.json"
    config.write_text(json.dumps({"r": 16, "lora_alpha": 32}))
    assert lora_scale(path) == 2.0
    config.write_text(json.dumps({"r": 16, "lora_alpha": 32, "use_rslora": True}))
    assert lora_scale(path) == 8.0
    config.write_text(json.dumps({"lora_alpha": 32}))
    with pytest.raises(ModelsError, match="lora_alpha"):
        lora_scale(path)
