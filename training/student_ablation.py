"""What base, rank and number of examples are worth: the same run with one of them changed at a time, in one table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from training.student_config import RunCard, StudentConfig, read_card
from training.student_data import StudentData
from training.student_run import run_student


@dataclass(frozen=True)
class Base:
    """A base of the table: its name, plain weights, and the examples in its tokens."""

    name: str
    digest: str
    weights: Path
    data: StudentData


@dataclass(frozen=True)
class Cell:
    """One run of the table."""

    base: Base
    rank: int
    samples: float


def cells(bases: Sequence[Base], ranks: Sequence[int], samples: Sequence[float]) -> list[Cell]:
    """Return all combinations, the smallest first, so that an interrupted table has its cheap cells."""
    found = [Cell(base, rank, share) for base, rank, share in product(bases, ranks, samples)]
    return sorted(found, key=lambda cell: (cell.samples, cell.rank))


def run_cells(
    todo: Sequence[Cell],
    pattern: StudentConfig,
    runs: Path,
    on_cell: Callable[[int, Cell], Callable[[int, int, float | None], object]],
) -> Iterator[tuple[Cell, RunCard]]:
    """Yield the card of each cell; cells that ran before are not run again.

    ``pattern.tokens`` is spent at all samples; a part of the samples gets the same part of it, so that every example
    is read equally often. Alpha stays twice the rank.
    """
    for number, cell in enumerate(todo):
        data = cell.base.data.share(cell.samples)
        config = pattern.model_copy(
            update={
                "base": cell.base.name,
                "base_digest": cell.base.digest,
                "rank": cell.rank,
                "alpha": 2 * cell.rank,
                "samples": cell.samples,
                "tokens": max(1, round(pattern.tokens * cell.samples)),
                "data": data.versions(),
            }
        )
        yield cell, read_card(run_student(config, data, cell.base.weights, runs, on_step=on_cell(number, cell)))


def ablation_table(found: Sequence[tuple[Cell, RunCard]]) -> str:
    """Return the cells as a Markdown table: dev loss by task before and after, and what it took."""
    tasks = list(dict.fromkeys(task for _, card in found for task in card.tasks))
    heads = ["base", "rank", "samples", "tokens", "steps", *(f"{task.value} dev loss" for task in tasks), "minutes"]
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for cell, card in sorted(found, key=lambda pair: (pair[0].base.name, pair[0].rank, pair[0].samples)):
        losses = []
        for task in tasks:
            dev = card.tasks[task].dev_loss if task in card.tasks else {}
            losses.append(f"{dev['0']:.3f} -> {dev[max(dev, key=int)]:.3f}" if dev else "")
        values = [cell.base.name, cell.rank, f"{cell.samples:.0%}", f"{card.tokens:,}", card.steps]
        lines.append("| " + " | ".join(map(str, [*values, *losses, f"{card.seconds / 60:.1f}"])) + " |")
    return "\n".join(lines) + "\n"
