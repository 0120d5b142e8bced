"""One run of the student: from examples to an adapter with its card, continued where it was interrupted."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engines.manifest import sha256_of
from training.datasets import write_whole
from training.examples import Task
from training.student_config import (
    ADAPTER,
    ADAPTER_CONFIG,
    RUN_CARD,
    RunCard,
    StudentConfig,
    StudentError,
    TaskCard,
    hardware,
    keep_freed_memory,
    libraries,
    read_card,
)
from training.student_data import StudentData
from training.student_sequences import TokenSequence, plan

if TYPE_CHECKING:
    from training.student_trainer import OnStep, StudentTrainer

MODULES = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
EVALUATIONS = 1
"""Measures of the dev loss on the way, besides one before and one after."""


def run_student(
    config: StudentConfig,
    data: StudentData,
    weights: Path,
    runs: Path,
    *,
    checkpoint_s: float = 300.0,
    on_step: OnStep = lambda done, planned, loss: None,
) -> Path:
    """Return the folder of the adapter that ``config`` gives, below ``runs``; a finished run is not made again.

    ``weights`` holds the base in Hugging Face form. An interrupted run goes on from its last checkpoint and ends in
    the same adapter as one in a single go (unless a time limit cut it short).

    Raises:
        StudentError: there is nothing to learn from, or a loss is not finite.
    """
    folder = runs / config.fingerprint
    adapter = folder / "adapter"
    if (adapter / RUN_CARD).is_file():
        read_card(adapter)
        return adapter
    if not any(data.train.values()):
        raise StudentError(f"no examples for {', '.join(config.tasks)}. Choose other tasks or more samples.")
    folder.mkdir(parents=True, exist_ok=True)
    order = plan(
        {task: rows for task, rows in data.train.items() if rows},
        config.shares,
        tokens=config.tokens,
        batch=config.batch,
        step=config.step,
        seed=config.seed,
    )
    trainer, horizon = _trainer(config, data, order, weights, folder, checkpoint_s, on_step)
    before = _before(trainer, folder)
    started = last_checkpoint(folder)
    trainer.train(resume_from_checkpoint=str(started) if started else None)
    after = _dev_losses(trainer.evaluate())
    history = [*before, *_history(trainer.state.log_history), (trainer.state.global_step, after)]
    losses = {int(entry["step"]): float(entry["loss"]) for entry in trainer.state.log_history if "loss" in entry}
    if not all(map(math.isfinite, losses.values())):
        raise StudentError("the training loss is not finite. Lower --lr, or use --dtype float32.")
    read = order[: trainer.state.global_step * config.step]
    card = RunCard(
        config=config,
        tasks=_task_cards(data, read, history),
        left_out=dict(data.left_out),
        steps=trainer.state.global_step,
        steps_planned=horizon.planned,
        sequences=len(read),
        tokens=sum(map(len, read)),
        losses=_means(losses),
        seconds=round(horizon.spent_s, 1),
        tokens_per_second=round(sum(map(len, read)) / max(horizon.spent_s, 1e-9), 1),
        hardware=hardware(),
        libraries=libraries(),
    )
    _save(trainer.model, config, card, folder / ".adapter")
    (folder / ".adapter").rename(adapter)
    for checkpoint in folder.glob("checkpoint-*"):
        shutil.rmtree(checkpoint)
    return adapter


def last_checkpoint(folder: Path) -> Path | None:
    """Return the latest checkpoint that was written to its end."""
    found = sorted(folder.glob("checkpoint-*"), key=lambda path: int(path.name.rpartition("-")[2]), reverse=True)
    for path in found:
        try:
            json.loads((path / "trainer_state.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        return path
    return None


def _trainer(
    config: StudentConfig,
    data: StudentData,
    order: Sequence[TokenSequence],
    weights: Path,
    folder: Path,
    checkpoint_s: float,
    on_step: OnStep,
) -> tuple[StudentTrainer, Any]:
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, AutoTokenizer, set_seed
    from transformers.utils import logging as transformers_logging

    from training.student_trainer import Horizon, Pace, StudentTrainer, rows, training_arguments

    transformers_logging.disable_progress_bar()
    keep_freed_memory()
    arguments = training_arguments(config, folder)
    set_seed(config.seed)
    model = AutoModelForCausalLM.from_pretrained(weights, dtype=getattr(torch, config.dtype), local_files_only=True)
    lora = LoraConfig(r=config.rank, lora_alpha=config.alpha, target_modules=MODULES, task_type="CAUSAL_LM")
    horizon = Horizon(len(order) // config.step, config.max_minutes and config.max_minutes * 60)
    trainer = StudentTrainer(
        config,
        sum(row.answer_tokens**config.length_power for row in order) / len(order),
        horizon,
        model=get_peft_model(model, lora),
        args=arguments,
        train_dataset=rows(order),
        eval_dataset={task.value: rows(some) for task, some in data.dev.items() if some},
        processing_class=AutoTokenizer.from_pretrained(weights, local_files_only=True),
        callbacks=[horizon, Pace(horizon, checkpoint_s, EVALUATIONS, on_step)],
    )
    return trainer, horizon


def _before(trainer: StudentTrainer, folder: Path) -> list[tuple[int, dict[str, float]]]:
    """Return the dev losses of the untuned base, measured once for a run."""
    path = folder / "base_losses.json"
    if not path.is_file():
        write_whole(path, json.dumps(_dev_losses(trainer.evaluate())).encode())
    return [(0, json.loads(path.read_text(encoding="utf-8")))]


def _history(log: Sequence[Mapping[str, Any]]) -> list[tuple[int, dict[str, float]]]:
    return [(int(entry["step"]), losses) for entry in log if (losses := _dev_losses(entry))]


def _dev_losses(metrics: Mapping[str, Any]) -> dict[str, float]:
    ends = ("eval_", "_loss")
    return {
        name.removeprefix(ends[0]).removesuffix(ends[1]): round(float(value), 4)
        for name, value in metrics.items()
        if name.startswith(ends[0]) and name.endswith(ends[1]) and name != "eval_loss"
    }


def _means(losses: Mapping[int, float]) -> dict[str, float]:
    """Return the mean loss of every ten steps, by the last of them."""
    steps = sorted(losses)
    groups = [steps[start : start + 10] for start in range(0, len(steps), 10)]
    return {str(group[-1]): round(sum(losses[step] for step in group) / len(group), 4) for group in groups}


def _task_cards(
    data: StudentData, read: Sequence[TokenSequence], history: Sequence[tuple[int, Mapping[str, float]]]
) -> dict[Task, TaskCard]:
    cards = {}
    for task, examples in data.train.items():
        own = [row for row in read if row.task is task]
        losses: dict[str, float] = {}
        for step, found in history:
            if task.value in found:
                losses[str(step)] = found[task.value]
        cards[task] = TaskCard(
            examples=len(examples),
            sequences=len(own),
            tokens=sum(map(len, own)),
            answer_tokens=sum(row.answer_tokens for row in own),
            dev_examples=len(data.dev.get(task, ())),
            dev_loss=losses,
        )
    return cards


def _save(model: Any, config: StudentConfig, card: RunCard, folder: Path) -> None:
    """Write adapter (bf16: half the size, as exact as the base), its configuration without paths, and the card."""
    import torch
    from peft import get_peft_model_state_dict
    from safetensors.torch import save_file

    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    state = get_peft_model_state_dict(model, save_embedding_layers=False)
    tensors = {name: tensor.detach().cpu().to(torch.bfloat16).contiguous() for name, tensor in state.items()}
    save_file(tensors, folder / ADAPTER, metadata={"format": "pt"})
    lora = model.peft_config["default"]
    lora.base_model_name_or_path, lora.inference_mode = Path(config.base).name, True
    lora.save_pretrained(folder)
    card.files = {name: sha256_of(folder / name) for name in (ADAPTER, ADAPTER_CONFIG)}
    (folder / RUN_CARD).write_text(card.model_dump_json(indent=1) + "\n", encoding="utf-8")
