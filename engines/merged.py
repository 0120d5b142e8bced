"""A model with its adapter merged into the weights: the answers of the two up to rounding, for half of the work."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from engines.adapters import LORA, check_adapter, lora_scale
from engines.installed import adapter_path, manifest_of, model_path
from engines.versions import adapter_version
from state.errors import ModelsError
from state.settings import Settings


def merged_name(settings: Settings, model: str, adapter: str) -> str:
    """Return the name of the embedded model that holds ``adapter`` within ``model``: it tells the contents of both.

    Raises:
        ModelsMissing, ModelsError: model or adapter is not there.
    """
    adapter_path(adapter)
    told = f"{manifest_of(settings, model).digest} {adapter_version(adapter)}"
    return f"{model}+{hashlib.sha256(told.encode()).hexdigest()[:12]}"


def merged_path(settings: Settings, model: str, adapter: str) -> Path | None:
    """Return the folder of ``model`` with this very adapter merged in, None where it was not made or is not whole."""
    try:
        return model_path(settings, merged_name(settings, model, adapter), kind="chat")
    except ModelsError:
        return None


def merge_adapter(weights: Path, adapter: Path, out: Path) -> None:
    """Write the Hugging Face model in ``weights`` with the LoRA file ``adapter`` added to it into ``out``, in bf16.

    Raises:
        ModelsError: the adapter is damaged or of another model.
    """
    import torch
    from safetensors.torch import load_file
    from transformers import AutoModelForCausalLM, AutoTokenizer

    check_adapter(adapter, weights)
    # Merged in fp32 and rounded once: sums of bf16 numbers would lose the small half of the adapter.
    model: Any = AutoModelForCausalLM.from_pretrained(weights, dtype=torch.float32, local_files_only=True)
    layers, tensors, scale = dict(model.named_parameters()), load_file(adapter), lora_scale(adapter)
    with torch.no_grad():
        for name, narrow in tensors.items():
            match = LORA.search(name)
            if match and match["side"] == "A":
                wide = tensors[name[: match.start("side")] + "B" + name[match.end("side") :]]
                layer = layers[f"model.{match['module'].removeprefix('model.')}.weight"]
                layer.add_(scale * (wide.float() @ narrow.float()))
    model.to(torch.bfloat16).save_pretrained(out)
    AutoTokenizer.from_pretrained(weights, local_files_only=True).save_pretrained(out)
