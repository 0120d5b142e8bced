"""Loads a model into the OpenVINO GenAI runtime and puts a request into its terms."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engines.adapters import check_adapter, lora_scale
from state.errors import ModelsError
from state.llm import Message

KV_CACHE_GB = 1
"""Bound of the key-value cache of one pipeline: 23,000 tokens of SmolLM2-135M at full precision."""

# Without these, kernels and roundings depend on how many requests share a step, so an answer depends on what else
# runs. With them the same request has the same answer, at 0.6 to 0.8 of the speed alone and half of it in a batch of 8.
_EXACT = {"INFERENCE_PRECISION_HINT": "f32", "KV_CACHE_PRECISION": "f32", "DYNAMIC_QUANTIZATION_GROUP_SIZE": "0"}


@dataclass(frozen=True)
class ModelSpec:
    """What a pipeline is loaded from. ``adapter`` is a PEFT safetensors file.

    ``content`` tells what the files held when they were asked for: over other content another pipeline is loaded.
    """

    folder: Path
    adapter: Path | None = None
    content: str = ""
    threads: int | None = None
    exact: bool = True


@dataclass(frozen=True)
class Prompt:
    """One request. ``grammar`` is EBNF with start rule ``root``; temperature 0 decodes greedily."""

    messages: Sequence[Message]
    max_tokens: int
    grammar: str | None = None
    temperature: float = 0.0
    repetition_penalty: float = 1.0
    seed: int = 0


def load_runtime(spec: ModelSpec) -> Any:
    """Return a continuous batching pipeline of ``spec``.

    Raises:
        ModelsError: weights or adapter cannot be used.
    """
    import openvino_genai

    scheduler = openvino_genai.SchedulerConfig()
    scheduler.enable_prefix_caching = True
    scheduler.cache_size = KV_CACHE_GB
    properties: dict[str, Any] = dict(_EXACT) if spec.exact else {}
    if spec.threads:
        properties["INFERENCE_NUM_THREADS"] = spec.threads
    if spec.adapter:
        check_adapter(spec.adapter, spec.folder)
        adapter = openvino_genai.Adapter(spec.adapter)
        properties["adapters"] = openvino_genai.AdapterConfig(adapter, lora_scale(spec.adapter))
    try:
        pipeline = openvino_genai.ContinuousBatchingPipeline(spec.folder, scheduler, "CPU", properties)
        if spec.adapter:
            # Only generate() lays the adapter over the weights; add_request() alone would answer without it.
            pipeline.generate("a", openvino_genai.GenerationConfig(max_new_tokens=1))
    except RuntimeError as error:
        raise ModelsError(
            f"the model in {spec.folder} cannot be loaded: {first_line(error)}. Check it with 'shelfwise models list'."
        ) from error
    return pipeline


def generation_config(prompt: Prompt) -> Any:
    """Return the runtime's configuration of one request."""
    import openvino_genai

    # The end token comes from the model's generation_config.json: the pipeline fills it in.
    config = openvino_genai.GenerationConfig()
    config.max_new_tokens = prompt.max_tokens
    config.repetition_penalty = prompt.repetition_penalty
    config.logprobs = 1  # of the chosen tokens, before the grammar: how sure the model is of what it wrote
    if prompt.temperature > 0:
        config.do_sample = True
        config.temperature = prompt.temperature
        config.rng_seed = prompt.seed
    if prompt.grammar:
        config.structured_output_config = openvino_genai.StructuredOutputConfig(grammar=prompt.grammar)
    return config


def context_length(folder: Path) -> int:
    """Return the tokens that prompt and answer of a model may have together."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return int(config.get("max_position_embeddings", 2048))


def first_line(error: Exception) -> str:
    """Return the telling line of a runtime's error: its own text comes last, behind file names."""
    lines = [line.strip().rstrip(".") for line in str(error).splitlines() if line.strip()]
    return lines[-1][:300] if lines else type(error).__name__
