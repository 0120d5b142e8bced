"""The training loop of cross-encoders: length-sorted batches, checkpoints to go on from, one log."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import torch
    from tokenizers import Tokenizer
    from torch import nn

_POOL = 50
"""Batches that are sorted by length together: enough for little padding, few enough to stay shuffled."""


@dataclass(frozen=True)
class FitOptions:
    """How a network is trained."""

    epochs: float = 3.0
    batch_size: int = 64
    learning_rate: float = 1e-4
    weight_decay: float = 0.01
    warmup: float = 0.06
    max_tokens: int = 96
    seed: int = 7
    checkpoint_every: int = 100


@dataclass(frozen=True)
class Encoded:
    """Pairs as token ids: ``ids`` and ``types`` one list a pair, ``targets`` float32 ``[pairs]`` in [0, 1]."""

    ids: list[list[int]]
    types: list[list[int]]
    targets: np.ndarray

    def __len__(self) -> int:
        return len(self.ids)


@dataclass
class FitLog:
    """What a training did: loss by step, seconds, and where it stands."""

    step: int = 0
    steps: int = 0
    seconds: float = 0.0
    losses: list[tuple[int, float]] = field(default_factory=list)
    dev: list[dict[str, float]] = field(default_factory=list)


def encode(
    tokenizer: Tokenizer, pairs: Sequence[tuple[str, str]], targets: Sequence[float], max_tokens: int
) -> Encoded:
    """Return ``pairs`` (theme text, product text) as token ids; the longer text of a pair too long is cut."""
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_tokens, strategy="longest_first")
    found = tokenizer.encode_batch(list(pairs))
    return Encoded(
        [encoding.ids for encoding in found],
        [encoding.type_ids for encoding in found],
        np.asarray(targets, dtype=np.float32),
    )


def batches(lengths: Sequence[int], size: int, seed: int, epoch: int) -> Iterator[list[int]]:
    """Yield the rows of one epoch in batches of ``size`` of like length, in an order fixed by seed and epoch."""
    chance = random.Random(f"{seed}:{epoch}")
    rows = list(range(len(lengths)))
    chance.shuffle(rows)
    found = []
    for start in range(0, len(rows), size * _POOL):
        pool = sorted(rows[start : start + size * _POOL], key=lambda row: lengths[row])
        found += [pool[at : at + size] for at in range(0, len(pool), size)]
    chance.shuffle(found)
    yield from found


def collate(data: Encoded, rows: Sequence[int]) -> dict[str, torch.Tensor]:
    """Return ids, mask and types of ``rows`` as int64 ``[rows, longest]``, padded with zeros."""
    import torch

    shape = (len(rows), max(len(data.ids[row]) for row in rows))
    out = {name: np.zeros(shape, dtype=np.int64) for name in ("input_ids", "attention_mask", "token_type_ids")}
    for at, row in enumerate(rows):
        length = len(data.ids[row])
        out["input_ids"][at, :length] = data.ids[row]
        out["token_type_ids"][at, :length] = data.types[row]
        out["attention_mask"][at, :length] = 1
    return {name: torch.from_numpy(array) for name, array in out.items()}


def logits_of(network: nn.Module, data: Encoded, batch_size: int = 64) -> np.ndarray:
    """Return float32 ``[len(data)]``: the network's logit of each pair."""
    import torch

    network.eval()
    found = np.empty(len(data), dtype=np.float32)
    order = sorted(range(len(data)), key=lambda row: len(data.ids[row]))
    with torch.inference_mode():
        for start in range(0, len(order), batch_size):
            rows = order[start : start + batch_size]
            found[rows] = network(**collate(data, rows))[:, 0].numpy()
    return found


def fit(
    network: nn.Module,
    data: Encoded,
    options: FitOptions,
    checkpoint: Path,
    *,
    measure: Callable[[nn.Module], dict[str, float]] | None = None,
    advance: Callable[[int, int, float], None] = lambda step, steps, loss: None,
) -> FitLog:
    """Train ``network`` (ids, mask, types -> logits ``[batch, 1]``) in place by binary cross-entropy.

    ``checkpoint`` is written every ``checkpoint_every`` steps; where it exists with the same options, training goes
    on from it. ``measure`` is called after each epoch, ``advance`` after each step with (step, steps, loss).
    """
    import torch

    per_epoch = -(-len(data) // options.batch_size)
    log = FitLog(steps=max(1, round(per_epoch * options.epochs)))
    optimizer = torch.optim.AdamW(_groups(network, options), lr=options.learning_rate, fused=True)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(step, log.steps, options.warmup))
    torch.manual_seed(options.seed)
    log = _restore(checkpoint, network, optimizer, schedule, options, log)
    started, loss_of = time.perf_counter() - log.seconds, torch.nn.functional.binary_cross_entropy_with_logits
    for step, rows in _remaining(data, options, per_epoch, log):
        network.train()
        logits = network(**collate(data, rows))[:, 0]
        loss = loss_of(logits, torch.from_numpy(data.targets[rows]))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        log.step, log.seconds = step, time.perf_counter() - started
        log.losses.append((step, round(loss.item(), 4)))
        advance(step, log.steps, loss.item())
        if measure and (step % per_epoch == 0 or step == log.steps):
            log.dev.append({"step": step, **measure(network)})
        if step % options.checkpoint_every == 0 or step == log.steps:
            _save(checkpoint, network, optimizer, schedule, options, log)
    network.eval()
    return log


def _remaining(data: Encoded, options: FitOptions, per_epoch: int, log: FitLog) -> Iterator[tuple[int, list[int]]]:
    """Yield (step, rows) from the step after ``log.step`` on."""
    lengths = [len(ids) for ids in data.ids]
    first = log.step
    for epoch in range(first // per_epoch, -(-log.steps // per_epoch)):
        for at, rows in enumerate(batches(lengths, options.batch_size, options.seed, epoch)):
            step = epoch * per_epoch + at + 1
            if first < step <= log.steps:
                yield step, rows


def _groups(network: nn.Module, options: FitOptions) -> list[dict[str, Any]]:
    named = [(name, tensor) for name, tensor in network.named_parameters() if tensor.requires_grad]
    plain = [tensor for name, tensor in named if tensor.ndim < 2 or "rel_embeddings" in name]
    decayed = [tensor for name, tensor in named if tensor.ndim >= 2 and "rel_embeddings" not in name]
    return [{"params": decayed, "weight_decay": options.weight_decay}, {"params": plain, "weight_decay": 0.0}]


def _rate(step: int, steps: int, warmup: float) -> float:
    rising = max(1, round(steps * warmup))
    return (step + 1) / rising if step < rising else max(0.0, (steps - step) / max(1, steps - rising))


def _save(path: Path, network: Any, optimizer: Any, schedule: Any, options: FitOptions, log: FitLog) -> None:
    import torch

    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    torch.save(
        {
            "options": asdict(options),
            "network": network.state_dict(),
            "optimizer": optimizer.state_dict(),
            "schedule": schedule.state_dict(),
            "chance": torch.get_rng_state(),
            "log": asdict(log),
        },
        partial,
    )
    os.replace(partial, path)


def _restore(path: Path, network: Any, optimizer: Any, schedule: Any, options: FitOptions, fresh: FitLog) -> FitLog:
    import torch

    if not path.is_file():
        return fresh
    held = torch.load(path, weights_only=True)
    if held["options"] != asdict(options) or held["log"]["steps"] != fresh.steps:
        return fresh
    network.load_state_dict(held["network"])
    optimizer.load_state_dict(held["optimizer"])
    schedule.load_state_dict(held["schedule"])
    torch.set_rng_state(held["chance"])
    return FitLog(**held["log"])
