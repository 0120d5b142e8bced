"""The model card of a student: what it is, what it learned from, how well it does, how to make it again."""

from __future__ import annotations

from training.examples import Task
from training.student_config import RunCard

_TEXT = """# Student adapter

LoRA adapter (rank {rank}, alpha {alpha}, all linear layers, bf16) of `{base}` for {purpose}

## Data
Teacher labels of the train split (`training/data`, see docs/data.md and docs/training.md). {splits} {left_out}

| task | examples | sequences read | tokens | of them answer | dev loss before | after |
|---|---|---|---|---|---|---|
{rows}

## Run
{steps:,} steps of {step} sequences, {tokens:,} tokens, {minutes:.0f} minutes at {speed:.0f} tokens/s on {hardware}, \
{dtype}; peak learning rate {lr:g}, cosine to zero. Versions: {libraries}. All of it is in `run_card.json`; its
checksums tie it to the adapter (`tests/training/test_shipped_student.py`).

## How well it does
Figures on the test split, with the commands that make them, are in {figures}.

## Limits
{limits}
- Answers are meant to be held to the schema by constrained decoding; without it expect broken JSON now and then.

## Make it again
```
shelfwise models fetch {base} --keep-hf
{command}
```
{exactly}
"""


_PAGES = {
    "purpose": "the chat roles of Shelfwise: {tasks}.\nOne adapter does all of them, with the very prompts and answer "
    'schemas of the app (`agents/prompts`,\n`state/answers.py`): the designer in mode "ideas", the keyword writer, '
    "the judge.",
    "splits": "Splits are by shopper, so\nno shopper or theme of dev and test was seen.",
    "figures": "docs/student.md",
    "limits": "- English, groceries; titles and concepts in the taste of one teacher. Shoppers of one public data "
    "set.\n- Keywords come in the order of the candidates that were shown (nearest first), not best first.\n"
    "- The teacher saw each shopper's last order; see docs/training.md for what that means for offline evaluation.",
    "folder": "models/student",
}
_QUERIES = {
    "purpose": "the query roles of Shelfwise\n(query_parser, query_rewriter): semantic roles, category ranking, three "
    "kinds of rewrites, with the compact\nprompts of `agents/prompts/intent` and the schemas of "
    "`state/answers_intent.py`.",
    "splits": "Splits are by query; three\nrows of the train split read as a held-out query once their spelling is "
    "corrected, and are left out of every figure.",
    "figures": "docs/intents.md",
    "limits": "- English, groceries, queries of up to ten words; labels of one teacher.\n"
    "- Its rewrites need the guards: many repeat the query or leave its kind of thing.\n"
    "- The shipped one learned from categories in the order of a hand-weighted sum. The fitted scorer came after it:\n"
    "  a run today reads other aisles in some prompts, and gives a like adapter, not the same one.",
    "folder": "models/query-student",
}


def model_card(card: RunCard) -> str:
    """Return the model card as Markdown."""
    config = card.config
    rows = []
    for task, found in card.tasks.items():
        first, last = found.dev_loss.get("0"), found.dev_loss.get(str(max(map(int, found.dev_loss), default=0)))
        losses = " | ".join("" if loss is None else f"{loss:.3f}" for loss in (first, last))
        counts = " | ".join(
            f"{count:,}" for count in (found.examples, found.sequences, found.tokens, found.answer_tokens)
        )
        rows.append(f"| {task.value} | {counts} | {losses} |")
    left_out = "; ".join(f"{count} rows left out, {reason}" for reason, count in sorted(card.left_out.items()))
    kind = _QUERIES if set(card.tasks) == {Task.INTENTS} else _PAGES
    tasks = ", ".join(task.value for task in card.tasks)
    return _TEXT.format(
        purpose=kind["purpose"].format(tasks=tasks),
        splits=kind["splits"],
        figures=kind["figures"],
        limits=kind["limits"],
        rank=config.rank,
        alpha=config.alpha,
        base=config.base,
        left_out=f"Left out: {left_out}." if left_out else "No row was left out.",
        rows="\n".join(rows),
        steps=card.steps,
        step=config.step,
        tokens=card.tokens,
        minutes=card.seconds / 60,
        speed=card.tokens_per_second,
        hardware=card.hardware,
        dtype=config.dtype,
        lr=config.learning_rate,
        libraries=", ".join(f"{name} {version}" for name, version in card.libraries.items()),
        command=rebuild_command(card),
        exactly=_exactly(card),
    )


def _exactly(card: RunCard) -> str:
    if card.steps == card.steps_planned:
        return "The same data, versions and kind of processor give the same adapter, interrupted or not."
    return (
        f"The time limit ended the run at {card.steps} of {card.steps_planned} planned steps. How far it gets in that "
        "time depends on the machine, so a run elsewhere gives a like adapter, not the same one."
    )


def rebuild_command(card: RunCard) -> str:
    """Return the command line of the run."""
    config, out = card.config, (_QUERIES if set(card.tasks) == {Task.INTENTS} else _PAGES)["folder"]
    shares = ",".join(f"{task.value}={share:g}" for task, share in config.shares.items())
    parts = [
        f"shelfwise train student --base {config.base} --tasks {shares}",
        f"--rank {config.rank} --alpha {config.alpha} --samples {config.samples:.0%} --tokens {config.tokens}",
        f"--lr {config.learning_rate:g} --batch {config.batch} --step {config.step}",
        f"--dtype {config.dtype} --seed {config.seed}",
        f"--max-minutes {config.max_minutes:g} --out {out}" if config.max_minutes else f"--out {out}",
    ]
    return " \\\n  ".join(parts)
