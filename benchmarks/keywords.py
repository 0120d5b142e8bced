"""Keyword choice against the teacher's on the test split: ``python benchmarks/keywords.py``.

The student and the untuned base choose for the same themes out of the candidates that the teacher had, nearest first as
the app shows them: all of them, the nearest ``--nearest``, and those that the keyword selector shows as the settings
say. Beside them: everything that the selector shows, and the nearest candidates, taken without asking a model.
Precision is the share of chosen keywords that the teacher chose too (its whole list counts as right: it is up to 20
long, the app's answer holds 8); recall is against the teacher's best 8. Intervals are 95 % bootstrap over themes, those
of differences over the same draws. The last rows compare the tokens of the candidates with the whole corpus.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from agents.keyword_writer import keyword_messages, write_keywords
from engines.chat import ChatClient
from engines.embedder import load_embedder
from evaluation.bootstrap import ratio_interval, statistic_interval
from state.answers import MAX_CATEGORIES, MAX_KEYWORDS
from state.errors import AnswerRejected
from state.guard import Embedder
from state.placement import Placement, Theme
from state.settings import Settings, load_settings
from state.vocabulary import Vocabulary
from tools.keyword_selector import load_selector
from tools.keyword_store import TERMS, read_record, read_terms, version_folder
from tools.vocabulary import nearest_first
from training.datasets import load_examples
from training.examples import KeywordExample, Task

SIDE_BY_SIDE = 16


@dataclass(frozen=True)
class Choice:
    """What was chosen for one theme; None where the answer could not be used."""

    keywords: list[str] | None
    categories: list[str]


def vocabulary_of(embedder: Embedder, example: KeywordExample) -> Vocabulary:
    """Return what the writer may choose from, nearest first."""
    return Vocabulary(
        keywords=nearest_first(embedder, example.concepts, example.candidates),
        categories=nearest_first(embedder, example.concepts, example.categories),
        filters=list(example.filters),
    )


def placement_of(example: KeywordExample) -> Placement:
    """Return the placement that the keyword prompt is rendered for."""
    theme = example.theme.model_dump(exclude={"id"})
    return Placement.of_theme(Theme(**theme, id=example.theme_id, position=0))


async def choose(
    name: str, settings: Settings, examples: Sequence[KeywordExample], offered: Sequence[Vocabulary]
) -> tuple[list[Choice], float]:
    """Return the choices of the ``keyword_writer`` role of ``settings``, and the wall seconds."""
    chat, gate, done = ChatClient(settings), asyncio.Semaphore(SIDE_BY_SIDE), 0

    async def one(example: KeywordExample, vocabulary: Vocabulary) -> Choice:
        nonlocal done
        async with gate:
            try:
                answer = await write_keywords(chat, placement_of(example), vocabulary)
                choice = Choice(answer.keywords, answer.categories)
            except AnswerRejected:
                choice = Choice(None, [])
        done += 1
        print(f"\r{name}: {done}/{len(examples)} themes", end="", file=sys.stderr, flush=True)
        return choice

    await one(examples[0], offered[0])  # weights load
    done, started = 0, time.perf_counter()
    made = await asyncio.gather(*(one(*pair) for pair in zip(examples, offered, strict=True)))
    print(file=sys.stderr)
    return list(made), time.perf_counter() - started


def row(name: str, choices: Sequence[Choice], examples: Sequence[KeywordExample], seconds: float | None) -> str:
    """Return the table's line of one chooser."""
    hits, sizes, best, wanted = _counts(choices, examples).T
    aisle_hits = [len({*c.categories} & {*e.chosen_categories}) for c, e in zip(choices, examples, strict=True)]
    aisles = [len(c.categories) for c in choices]
    unusable = sum(c.keywords is None for c in choices)
    cells = [
        name,
        _share(hits, sizes),
        _share(best, wanted),
        f"{_of(_counts(choices, examples))['F1']:.3f}",
        f"{sizes.mean():.1f}",
        _share(aisle_hits, aisles),
        str(unusable),
        f"{seconds / len(examples):.2f}" if seconds is not None else "-",
    ]
    return "| " + " | ".join(cells) + " |"


def _share(part: Sequence[int] | np.ndarray, whole: Sequence[int] | np.ndarray) -> str:
    if not sum(whole):
        return "-"
    found = ratio_interval(part, whole, seed=7)
    return f"{found.estimate:.3f} ({found.low:.2f}-{found.high:.2f})"


def nearest(offered: Sequence[Vocabulary], count: int) -> list[Choice]:
    """Return the choice that takes the first ``count`` candidates and the first aisles."""
    return [Choice(v.keywords[:count], v.categories[:MAX_CATEGORIES]) for v in offered]


def cut(
    settings: Settings, embedder: Embedder, examples: Sequence[KeywordExample], offered: Sequence[Vocabulary]
) -> list[Vocabulary]:
    """Return what the writer is shown of ``offered`` under the settings."""
    selector, most = load_selector(settings, embedder), settings.page.keywords_shown
    if not most:
        return list(offered)
    return [selector.cut(placement_of(example), one, most) for example, one in zip(examples, offered, strict=True)]


def difference(one: Sequence[Choice], other: Sequence[Choice], examples: Sequence[KeywordExample]) -> str:
    """Return by how much ``one`` is above ``other`` in precision and recall, and in their harmonic mean."""
    counts = [_counts(choices, examples) for choices in (one, other)]

    def figure(name: str) -> str:
        found = statistic_interval(
            lambda rows: _of(counts[0][rows])[name] - _of(counts[1][rows])[name], len(examples), seed=7
        )
        return f"{name} {found.estimate:+.3f} ({found.low:+.3f} to {found.high:+.3f})"

    return ", ".join(figure(name) for name in ("precision", "recall", "F1"))


def _counts(choices: Sequence[Choice], examples: Sequence[KeywordExample]) -> np.ndarray:
    """Return int64 ``[themes, 4]``: right ones, chosen ones, right ones of the best, the best."""
    rows = []
    for choice, example in zip(choices, examples, strict=True):
        chosen, best = {*(choice.keywords or [])}, {*example.chosen_keywords[:MAX_KEYWORDS]}
        rows.append([len(chosen & {*example.chosen_keywords}), len(chosen), len(chosen & best), len(best)])
    return np.array(rows)


def _of(counts: np.ndarray) -> dict[str, float]:
    right, chosen, found, best = counts.sum(axis=0).tolist()
    precision, recall = right / max(chosen, 1), found / max(best, 1)
    return {"precision": precision, "recall": recall, "F1": 2 * precision * recall / max(precision + recall, 1e-9)}


def patient(settings: Settings) -> Settings:
    """Return the settings with a keyword writer that is waited for, however busy the machine."""
    role = settings.roles["keyword_writer"].model_copy(update={"timeout_s": 3600.0})
    return settings.model_copy(update={"roles": {**settings.roles, "keyword_writer": role}})


def _first(offered: Sequence[Vocabulary], count: int) -> list[Vocabulary]:
    return [one.model_copy(update={"keywords": one.keywords[:count]}) for one in offered]


def pruning(settings: Settings, example: KeywordExample, vocabulary: Vocabulary) -> list[str]:
    """Return the tokens of one keyword prompt with the candidates and with the whole corpus in their place."""
    from transformers import AutoTokenizer

    from engines.models import model_path

    tokenizer = AutoTokenizer.from_pretrained(model_path(settings, settings.roles["keyword_writer"].model))
    folder = version_folder(settings.corpus_dir, read_record(settings.corpus_dir).version)
    whole = [term.text for term in read_terms(folder / TERMS) if term.kind == "query"]

    def tokens(keywords: list[str]) -> int:
        offered = vocabulary.model_copy(update={"keywords": keywords})
        return sum(len(tokenizer(m["content"])["input_ids"]) for m in keyword_messages(placement_of(example), offered))

    few, many = tokens(vocabulary.keywords), tokens(whole)
    return [
        "| prompt with | terms | tokens |",
        "|---|---|---|",
        f"| retrieved candidates | {len(vocabulary.keywords):,} | {few:,} |",
        f"| the whole corpus | {len(whole):,} | {many:,} ({many / few:,.0f} times) |",
    ]


def parsed() -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--split", choices=["dev", "test"], default="test")
    parser.add_argument("--themes", type=int, help="only the first so many themes of the split")
    parser.add_argument("--nearest", type=int, default=8, help="how many the writers are shown by nearness alone")
    parser.add_argument("--shown", default="default,all,nearest", help="what the writers are shown, one table row each")
    parser.add_argument("--no-base", action="store_true", help="leave the untuned base out")
    parser.add_argument("--alone", action="store_true", help="ask no writer: only what is taken without one")
    return parser.parse_args()


def main() -> None:
    arguments, settings = parsed(), patient(load_settings())
    examples = load_examples(Task.KEYWORDS, arguments.split)[: arguments.themes]
    embedder = load_embedder(settings)
    offered = [vocabulary_of(embedder, example) for example in examples]
    shown = cut(settings, embedder, examples, offered)
    writers = {"student": settings, "untuned base": settings.without_adapters()}
    asked = [] if arguments.alone else ["student"] if arguments.no_base else list(writers)
    sets = {"default": shown, "all": offered, f"nearest {arguments.nearest}": _first(offered, arguments.nearest)}
    wanted = [name for name in sets if name.split()[0] in arguments.shown.split(",")]
    chosen: dict[str, list[Choice]] = {}
    rows = []
    for name, writer, what in ((f"{writer}, shown {what}", writer, what) for writer in asked for what in wanted):
        chosen[name], seconds = asyncio.run(choose(name, writers[writer], examples, sets[what]))
        rows.append(row(name, chosen[name], examples, seconds))
    alone = {"all that the default shows": nearest(shown, MAX_KEYWORDS)}
    alone |= {f"nearest {count}": nearest(offered, count) for count in (4, 6, 8)}
    rows += [row(name, choices, examples, None) for name, choices in alone.items()]
    print(f"### Keywords for {len(examples)} themes of the {arguments.split} split\n")
    print("| chooser | precision | recall of the best 8 | F1 | chosen | aisle precision | unusable | seconds a theme |")
    print("|---" * 8 + "|")
    print("\n".join(rows) + "\n")
    everything = chosen | alone
    first = next(iter(everything))
    for name in list(everything)[1:]:
        print(f"- {first}, minus {name}: {difference(everything[first], everything[name], examples)}")
    print("\n" + "\n".join(pruning(settings, examples[0], offered[0])))


if __name__ == "__main__":
    main()
