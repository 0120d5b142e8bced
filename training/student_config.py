"""What a student's run is made of, and the card that records it."""

from __future__ import annotations

import ctypes
import hashlib
import json
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from state.errors import ShelfwiseError
from training.examples import Task

ADAPTER = "adapter_model.safetensors"
ADAPTER_CONFIG = "adapter_config.json"
RUN_CARD = "run_card.json"
Dtype = Literal["float32", "bfloat16"]
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX = -1, -2, -4  # of malloc.h
LIBRARIES = ("torch", "transformers", "peft", "trl", "datasets", "accelerate")


class StudentError(ShelfwiseError):
    """A student cannot be trained or exported."""


class StudentConfig(BaseModel):
    """All that decides the outcome of a run; two runs of the same values are the same run.

    ``tokens`` counts prompts and answers over all passes. ``shares`` divides them between the tasks. ``batch``
    sequences go through the model at a time, ``step`` before an update. ``data`` holds the SHA-256 of what is learned
    from, ``base_digest`` that of the base.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    base: str
    base_digest: str
    tasks: tuple[Task, ...]
    shares: dict[Task, float]
    samples: float = Field(gt=0, le=1)
    tokens: int = Field(ge=1)
    max_minutes: float | None = Field(default=None, gt=0)
    rank: int = Field(default=16, ge=1)
    alpha: int = Field(default=32, ge=1)
    learning_rate: float = Field(default=8e-4, gt=0)
    warmup_share: float = Field(default=0.03, ge=0, lt=1)
    length_power: float = Field(default=0.5, ge=0, le=1)
    clip: float = 1.0
    batch: int = Field(default=2, ge=1)
    step: int = Field(default=4, ge=1)
    dtype: Dtype = "float32"
    seed: int = 7
    data: dict[str, str]

    @property
    def fingerprint(self) -> str:
        """12 hex digits that change with any of the values."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:12]


class TaskCard(BaseModel):
    """What one task gave to a run: distinct examples, sequences read (passes counted), tokens, losses on dev."""

    examples: int
    sequences: int
    tokens: int
    answer_tokens: int
    dev_examples: int
    dev_loss: dict[str, float] = Field(default_factory=dict, description="by step; '0' is the untuned base")


class RunCard(BaseModel):
    """The record of a finished run, beside its adapter."""

    config: StudentConfig
    tasks: dict[Task, TaskCard]
    left_out: dict[str, int]
    steps: int
    steps_planned: int
    sequences: int
    tokens: int
    losses: dict[str, float] = Field(description="training loss by step, mean of the ten up to it")
    seconds: float
    tokens_per_second: float
    hardware: str
    libraries: dict[str, str]
    files: dict[str, str] = Field(default_factory=dict, description="SHA-256 of each file beside the card")


def read_card(adapter: Path) -> RunCard:
    """Return the run card in the folder ``adapter``.

    Raises:
        StudentError: there is none, or it cannot be understood.
    """
    path = adapter / RUN_CARD
    try:
        return RunCard.model_validate_json(path.read_bytes())
    except OSError as error:
        raise StudentError(f"no run card in {adapter} ({error.strerror}). Name a folder that training wrote.") from None
    except ValueError as error:
        raise StudentError(f"{path} is no run card ({str(error).splitlines()[0]}). Train again.") from None


def digest_of(value: Any) -> str:
    """Return the SHA-256 of a value's JSON."""
    return hashlib.sha256(json.dumps(value, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


def libraries() -> dict[str, str]:
    """Return the versions of the libraries that shape a run."""
    return {name: version(name) for name in LIBRARIES}


def best_dtype() -> Dtype:
    """Return bfloat16 on a GPU and on a CPU with AMX; without AMX it is slower than float32 (docs/student.md)."""
    import torch

    return "bfloat16" if torch.cuda.is_available() or torch.cpu._is_amx_tile_supported() else "float32"


def keep_freed_memory() -> None:
    """Let the process keep what it frees instead of giving it back: a step frees and takes gigabytes.

    Given back and taken again they cost 43 % of the processor's time in page faults (2 cores, SmolLM2-135M). Where the
    C library is not glibc nothing is done.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt:
        mallopt(_MMAP_MAX, 0)
        mallopt(_TRIM_THRESHOLD, -1)
        mallopt(_TOP_PAD, 256 * 2**20)


def hardware() -> str:
    """Return what a run is made on, in neutral words."""
    import torch

    if torch.cuda.is_available():
        return f"1 {torch.cuda.get_device_name(0)}"
    amx = "AMX" if torch.cpu._is_amx_tile_supported() else "no AMX"
    return f"{torch.get_num_threads()} CPU threads, {torch.backends.cpu.get_cpu_capability()}, {amx}"
