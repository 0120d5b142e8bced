"""The trainer of the student: TRL's supervised fine-tuning, in a planned order, resumable to the bit."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

from torch.optim.lr_scheduler import LambdaLR
from transformers import PrinterCallback, TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_callback import ExportableState
from trl import SFTConfig, SFTTrainer

from training.student_config import StudentConfig
from training.student_sequences import IGNORED, TokenSequence

OnStep = Callable[[int, int, float | None], object]
"""Told the step that is done, the steps planned, and the last training loss."""


class Horizon(TrainerCallback, ExportableState):
    """How many steps the run will have. A time limit moves it nearer, and the learning rate decays towards it.

    Without a time limit it is the number of planned steps. The time spent survives an interruption.
    """

    def __init__(self, planned: int, max_s: float | None) -> None:
        self.planned = planned
        self.steps = planned
        self.spent_s = 0.0
        self._max_s = max_s
        self._since = time.monotonic()

    def state(self) -> dict[str, Any]:
        return {"args": {"planned": self.planned, "max_s": self._max_s}, "attributes": {"spent_s": self.spent_s}}

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        callbacks: Any = state.stateful_callbacks  # by name; the library declares a list
        saved = callbacks.get(type(self).__name__)
        self.spent_s = saved["attributes"]["spent_s"] if isinstance(saved, dict) else 0.0
        self._since = time.monotonic()

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        now = time.monotonic()
        self.spent_s, self._since = self.spent_s + now - self._since, now
        if self._max_s is None:
            return
        done = state.global_step
        left = (self._max_s - self.spent_s) / (self.spent_s / done)
        self.steps = min(self.planned, done + max(int(left), 0))
        if done >= self.steps:
            control.should_training_stop = True


class Pace(TrainerCallback):
    """Saves every few minutes, measures the dev loss a few times, and reports each step."""

    def __init__(self, horizon: Horizon, checkpoint_s: float, evaluations: int, on_step: OnStep) -> None:
        self._horizon = horizon
        self._checkpoint_s = checkpoint_s
        self._evaluations = evaluations
        self._on_step = on_step
        self._saved = time.monotonic()

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        done, planned = state.global_step, self._horizon.planned
        part = lambda step: step * (self._evaluations + 1) // planned  # noqa: E731
        if part(done) > part(done - 1) and done < planned:
            control.should_evaluate = True
        if time.monotonic() - self._saved >= self._checkpoint_s:
            control.should_save = True
            self._saved = time.monotonic()
        losses = [entry["loss"] for entry in state.log_history[-4:] if "loss" in entry]
        self._on_step(done, self._horizon.steps, losses[-1] if losses else None)


class StudentTrainer(SFTTrainer):
    """Weighs a sequence by its answer's length to the power of ``length_power``: 1 counts tokens, 0 sequences.

    Counted by tokens alone, pages (400 tokens) would drown out the choice of keywords (60).
    """

    def __init__(self, config: StudentConfig, mean_weight: float, horizon: Horizon, **given: Any) -> None:
        self._config = config
        self._mean_weight = mean_weight
        self._horizon = horizon
        super().__init__(**given)
        self.remove_callback(PrinterCallback)  # it prints every entry of the log on stdout

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        # Padding stands on the right, so under causal attention nothing that counts sees it; without a mask the
        # attention kernel is faster.
        inputs = {"input_ids": inputs["input_ids"], "labels": inputs["labels"]}
        if not model.training:
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        outputs = model(**inputs, use_cache=False, fused_lm_head=True)
        learned = (inputs["labels"] != IGNORED).sum(1)
        mean = -outputs.log_probs.sum(1) / learned
        weighted = (mean * learned**self._config.length_power).mean() / self._mean_weight
        return weighted / self.current_gradient_accumulation_steps

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
        """Cosine to zero after a short warm-up, over the horizon instead of a fixed number of steps."""
        if self.lr_scheduler is None:
            warm = max(1, round(self._config.warmup_share * self._horizon.planned))

            def factor(step: int) -> float:
                end = max(self._horizon.steps, 1)
                if step < warm:
                    return (step + 1) / (warm + 1)
                return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - warm) / max(end - warm, 1))))

            self.lr_scheduler = LambdaLR(cast("Any", optimizer or self.optimizer), factor)
            self._created_lr_scheduler = True
        return self.lr_scheduler

    def create_model_card(self, *_: Any, **__: Any) -> None:
        """Write none: checkpoints are scratch, and the run card tells what was done."""


def training_arguments(config: StudentConfig, folder: Path) -> SFTConfig:
    """Return the library's own settings of a run."""
    import torch

    gpu = torch.cuda.is_available()
    return SFTConfig(
        output_dir=str(folder),
        use_cpu=not gpu,
        bf16=gpu and config.dtype == "bfloat16",
        gradient_checkpointing=False,
        per_device_train_batch_size=config.batch,
        per_device_eval_batch_size=config.batch,
        gradient_accumulation_steps=max(1, config.step // config.batch),
        num_train_epochs=1,
        train_sampling_strategy="sequential",
        dataset_kwargs={"skip_prepare_dataset": True},
        max_length=None,
        learning_rate=config.learning_rate,
        weight_decay=0.0,
        max_grad_norm=config.clip,
        logging_steps=1,  # means over several steps would forget what came before an interruption
        logging_nan_inf_filter=False,
        save_strategy="no",
        save_total_limit=2,
        eval_strategy="no",
        prediction_loss_only=True,
        report_to="none",
        disable_tqdm=True,
        seed=config.seed,
        data_seed=config.seed,
    )


def rows(sequences: Sequence[TokenSequence]) -> Any:
    """Return sequences as the data set that the trainer reads."""
    from datasets import Dataset

    return Dataset.from_dict(
        {"input_ids": [row.input_ids for row in sequences], "labels": [row.labels for row in sequences]}
    )
