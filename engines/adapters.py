"""Checks of LoRA adapters: the runtime silently ignores tensors that do not fit its model."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from state.errors import ModelsError

LORA = re.compile(r"(?P<module>(?:model\.)?layers\.\d+\.[\w.]+?)\.lora_(?P<side>[AB])(?:\.\w+)?\.weight$")
"""The name of a LoRA tensor: which layer it is for, and which of the two matrices it is."""


def check_adapter(adapter: Path, model: Path) -> None:
    """Raise ModelsError unless every LoRA tensor of ``adapter`` fits a layer of the model in folder ``model``."""
    shapes = _shapes(adapter)
    sides: dict[str, dict[str, tuple[int, ...]]] = {}
    for name, shape in shapes.items():
        if match := LORA.search(name):
            sides.setdefault(match["module"].removeprefix("model."), {})[match["side"]] = shape
    if not sides:
        raise ModelsError(
            f"{adapter} holds no LoRA tensors. Give an adapter saved by PEFT (adapter_model.safetensors)."
        )
    expected = _module_shapes(json.loads((model / "config.json").read_text(encoding="utf-8")))
    for module, pair in sides.items():
        kind = module.rpartition(".")[2]
        layer = int(module.split(".")[1])
        found = (pair.get("B", (0,))[0], pair.get("A", (0, 0))[-1])
        if kind not in expected or layer >= expected["layers"][0] or found != expected[kind]:
            raise ModelsError(
                f"{adapter} was trained for another model: {module} is {found[0]} x {found[1]}, {model.name} has "
                f"{' x '.join(map(str, expected.get(kind, ('no', 'such layer'))))} in {expected['layers'][0]} layers. "
                "Correct 'adapter' or 'model' in shelfwise.toml."
            )


def lora_scale(adapter: Path) -> float:
    """Return ``lora_alpha / r`` of the adapter_config.json beside the adapter, 1 without one.

    Raises:
        ModelsError: the file cannot be understood.
    """
    path = adapter.with_name("adapter_config.json")
    if not path.is_file():
        return 1.0
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        rank, alpha = float(config["r"]), float(config["lora_alpha"])
        return alpha / (rank**0.5 if config.get("use_rslora") else rank)
    except (ValueError, KeyError, TypeError, ZeroDivisionError) as error:
        raise ModelsError(
            f"{path} names no usable r and lora_alpha ({error}). Save the adapter with PEFT again."
        ) from error


def _shapes(adapter: Path) -> dict[str, tuple[int, ...]]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(adapter, framework="numpy") as tensors:
            return {name: tuple(tensors.get_slice(name).get_shape()) for name in tensors.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise ModelsError(f"adapter {adapter} is damaged or no safetensors file ({error}).") from error


def _module_shapes(config: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    """Return (out, in) of each projection of a Llama-like model, and its number of layers."""
    hidden, inner = config["hidden_size"], config["intermediate_size"]
    head = config.get("head_dim") or hidden // config["num_attention_heads"]
    queries, keys = head * config["num_attention_heads"], head * config.get("num_key_value_heads", 1)
    return {
        "layers": (config["num_hidden_layers"],),
        "q_proj": (queries, hidden),
        "k_proj": (keys, hidden),
        "v_proj": (keys, hidden),
        "o_proj": (hidden, queries),
        "gate_proj": (inner, hidden),
        "up_proj": (inner, hidden),
        "down_proj": (hidden, inner),
    }
