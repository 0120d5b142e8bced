"""The student against the untuned base and the teacher: ``python benchmarks/student.py --shoppers 20``.

Each arm runs the whole page graph for the same shoppers of the test split: the base as it must be run (grounded
design, no adapter), the base and the student asked for all ideas in one answer, the student as it ships (the history in
parts, spare themes), and the teacher, whose designs come from its labels while the student writes the keywords. Prints
one table; ``--examples FILE`` writes the first ten shoppers of the split side by side, unselected. Intervals are 95 %
bootstrap over shoppers.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from evaluation.bootstrap import ratio_interval
from graph.page import build_page_graph
from graph.services import Services, open_services
from state.guard import Chat
from state.llm import Answer, Message
from state.options import PageOptions
from state.page import PageInput
from state.placement import Page, PageDesign
from state.settings import Settings, load_settings
from state.usage import CallUsage
from tools.keyword_store import TERMS, read_record, read_terms, version_folder
from training.datasets import load_examples
from training.design_scores import grounded_concepts, score_titles, shelf_names
from training.examples import DesignExample, Task

SIDE_BY_SIDE = 4
EXAMPLES = 10


class TeacherDesign:
    """Answers the designer's role with the teacher's label for one shopper; every other role goes to ``chat``."""

    def __init__(self, chat: Chat, design: DesignExample) -> None:
        self._chat, self._design = chat, design

    async def ask(self, role: str, messages: Sequence[Message], schema: Any, *, phase: str) -> Answer[Any]:
        if role != "designer":
            return await self._chat.ask(role, messages, schema, phase=phase)
        themes = [theme.model_dump(mode="json", exclude={"id"}) for theme in self._design.themes]
        value = schema.model_validate({"persona": self._design.persona, "themes": themes})
        return Answer(value=value, usage=CallUsage(phase=phase, role=role, model="teacher"))


@dataclass(frozen=True)
class Designer:
    """Who designs, and how it is asked: the options that are laid over those of the settings."""

    mode: Literal["grounded", "ideas", "free"]
    services: Services
    one_answer: bool = True
    teacher: bool = False

    def options(self, themes: int) -> PageOptions:
        whole: dict[str, Any] = {"design_parts": 1, "spare_themes": 0} if self.one_answer else {}
        return PageOptions(design_mode=self.mode, themes=themes, **whole)


@dataclass(frozen=True)
class Made:
    """One shopper's page, and the design it came from (None where the designer's answer could not be used)."""

    page: Page
    design: PageDesign | None


@dataclass(frozen=True)
class Arm:
    """What one designer made, in the order of the shoppers, and the wall seconds it took."""

    name: str
    made: list[Made]
    seconds: float


async def run_arm(name: str, designer: Designer, designs: Sequence[DesignExample]) -> Arm:
    """Make the pages of the shoppers of ``designs``, :data:`SIDE_BY_SIDE` at once."""
    gate, done = asyncio.Semaphore(SIDE_BY_SIDE), 0

    async def one(label: DesignExample) -> Made:
        nonlocal done
        services = designer.services
        own = replace(services, chat=TeacherDesign(services.chat, label)) if designer.teacher else services
        async with gate:
            graph: Any = build_page_graph(lambda: own)
            state = await last_state(graph, label.shopper_id, designer.options(len(label.themes)))
        done += 1
        print(f"\r{name}: {done}/{len(designs)} pages", end="", file=sys.stderr, flush=True)
        return Made(Page.model_validate(state["page"]), state.get("design"))

    await one(designs[0])  # weights load
    done, started = 0, time.perf_counter()
    made = await asyncio.gather(*(one(label) for label in designs))
    print(file=sys.stderr)
    return Arm(name, list(made), time.perf_counter() - started)


async def last_state(graph: Any, shopper_id: str, options: PageOptions) -> dict[str, Any]:
    """Return everything that the graph's state holds at the end, the design included."""
    last: dict[str, Any] = {}
    async for values in graph.astream(PageInput(shopper_id=shopper_id), context=options, stream_mode="values"):
        last = values
    return last


def share(part: Sequence[float], whole: Sequence[float]) -> str:
    """Return sum over sum with its bootstrap interval over shoppers, in percent."""
    if not sum(whole):
        return "-"
    found = ratio_interval(part, whole, seed=7)
    return f"{100 * found.estimate:.0f} ({100 * found.low:.0f}-{100 * found.high:.0f})"


def table(arms: Sequence[Arm], services: Services) -> list[str]:
    """Return the lines of the comparison, one column per arm."""
    names = _names(services)
    columns = [_column(arm, services, names) for arm in arms]
    lines = ["| | " + " | ".join(arm.name for arm in arms) + " |", "|---" * (len(arms) + 1) + "|"]
    return lines + [f"| {row} | " + " | ".join(column[row] for column in columns) + " |" for row in columns[0]]


def _column(arm: Arm, services: Services, names: frozenset[frozenset[str]]) -> dict[str, str]:
    designed = [made.design.themes if made.design else [] for made in arm.made]
    ones = [1.0] * len(arm.made)
    grounded = [
        grounded_concepts(themes, services.products, services.scorer) if themes else (0, 0) for themes in designed
    ]
    each = [score_titles([theme.title for theme in themes], names) for themes in designed]
    titles = score_titles([theme.title for themes in designed for theme in themes], names)
    kept = [0 if made.page.fallback else len(made.page.placements) for made in arm.made]
    asked = [len(themes) for themes in designed]
    return {
        "pages with a usable design, %": share([bool(themes) for themes in designed], ones),
        "concepts grounded in a fitting product, %": share([g for g, _ in grounded], [n for _, n in grounded]),
        "titles distinct across shoppers, %": f"{100 * titles.distinct_share:.0f}",
        "titles that only name an aisle, product or term, %": share(
            [len(s.plain) for s in each], [s.titles for s in each]
        ),
        "placements that survive the guards, %": share(kept, asked),
        "fall-back pages, %": share([made.page.fallback for made in arm.made], ones),
        "products a kept placement (mean)": _products(arm),
        "needs a page (mean)": f"{np.mean([len({t.need for t in themes}) for themes in designed]):.1f}",
        "seconds a page, four at a time": f"{arm.seconds / len(arm.made):.1f}",
    }


def _products(arm: Arm) -> str:
    sizes = [len(row.products) for made in arm.made if not made.page.fallback for row in made.page.placements]
    return f"{np.mean(sizes):.1f}" if sizes else "-"


def _names(services: Services) -> frozenset[frozenset[str]]:
    """Return the words of every aisle, product and corpus term."""
    from catalog.warehouse import Warehouse

    settings = services.settings
    warehouse = Warehouse.open(settings)
    folder = version_folder(settings.corpus_dir, read_record(settings.corpus_dir).version)
    return shelf_names(
        (category.aisle for category in warehouse.categories()),
        (product.name for product in warehouse.all_products()),
        (term.text for term in read_terms(folder / TERMS)),
    )


def examples(arms: Sequence[Arm], labels: Sequence[DesignExample]) -> str:
    """Return a page of the first shoppers' designs side by side, in Markdown."""
    lines = [
        "# Ten pages side by side",
        "",
        f"The first {EXAMPLES} shoppers of the test split, unselected: titles and concepts as each designer "
        "wrote them, and what became of each theme. Made by "
        "`python benchmarks/student.py --examples docs/student-examples.md`.",
    ]
    for at, label in enumerate(labels[:EXAMPLES]):
        lines += ["", f"## Shopper {label.shopper_id}", ""]
        for arm in arms:
            made = arm.made[at]
            kept = {row.id: len(row.products) for row in made.page.placements} if not made.page.fallback else {}
            lines += [f"**{arm.name}**: {made.design.persona if made.design else 'no usable design'}", ""]
            for theme in made.design.themes if made.design else []:
                fate = f"{kept[theme.id]} products" if theme.id in kept else "dropped"
                lines.append(f"- {theme.title} ({theme.need.value}; {fate}): {', '.join(theme.concepts)}")
            lines.append("")
    return "\n".join(lines).rstrip() + "\n"


async def compare(
    settings: Settings, labels: Sequence[DesignExample], names: Sequence[str]
) -> tuple[list[Arm], Services]:
    tuned = open_services(settings)
    from engines.chat import ChatClient

    bare_settings = settings.without_adapters()
    bare = replace(tuned, settings=bare_settings, chat=ChatClient(bare_settings))
    plan = {
        "untuned base, grounded": Designer("grounded", bare),
        "untuned base, one answer": Designer("ideas", bare),
        "student, one answer": Designer("ideas", tuned),
        "student": Designer("ideas", tuned, one_answer=False),
        "teacher": Designer("free", tuned, teacher=True),
    }
    chosen = {name: how for name, how in plan.items() if not names or any(word in name for word in names)}
    arms = [await run_arm(name, designer, labels) for name, designer in chosen.items()]
    return arms, tuned


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shoppers", type=int, default=20, help="shoppers of the split, from its first (default 20)")
    parser.add_argument("--split", choices=["dev", "test"], default="test")
    parser.add_argument("--arms", nargs="*", default=[], help="only the arms whose name holds one of these words")
    parser.add_argument("--examples", type=Path, help="write the first ten shoppers side by side to this file")
    arguments = parser.parse_args()
    settings = load_settings()
    labels = load_examples(Task.DESIGN, arguments.split)[: arguments.shoppers]
    arms, services = asyncio.run(compare(settings, labels, arguments.arms))
    print(f"### Designs for {len(labels)} shoppers of the {arguments.split} split\n")
    print("\n".join(table(arms, services)))
    if arguments.examples:
        arguments.examples.write_text(examples(arms, labels), encoding="utf-8")
        print(f"\nwrote {arguments.examples}", file=sys.stderr)


if __name__ == "__main__":
    main()
