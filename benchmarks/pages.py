"""What a page costs, by phase, and whether what was published holds: ``python benchmarks/pages.py --sample 20``.

Makes pages of shoppers sampled evenly over the catalogue, four at a time as ``shelfwise pages`` does and then three
alone, and prints Markdown tables: seconds, tokens and calls per phase (medians), the invariants with their counts, and
the tokens of the retrieved vocabulary against those of the whole corpus. Exits with 1 when an invariant is broken.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from agents.prompting import render
from cli.page import sample_shoppers
from graph.services import Services, open_services
from serving.pages import open_runner
from state.options import PageOptions
from state.placement import Page, Placement
from state.settings import Settings, load_settings
from tools.keyword_store import TERMS, read_record, read_terms, version_folder
from tools.vocabulary import retrieve_vocabulary

ALONE = 3


async def make_pages(
    settings: Settings, services: Services, ids: Sequence[str]
) -> tuple[list[Page], list[Page], float]:
    """Return the pages made side by side, those of the first few made alone, and the wall seconds of the former."""
    with tempfile.TemporaryDirectory() as folder:
        scratch = settings.model_copy(update={"store": settings.store.model_copy(update={"path": Path(folder) / "s"})})
        async with open_runner(scratch, lambda: services) as runner:
            await runner.make(ids[0], PageOptions())  # weights load
            alone = [await runner.make(shopper, PageOptions()) for shopper in ids[:ALONE]]
            started = time.perf_counter()
            beside = []
            async for result in runner.make_many(ids, PageOptions()):
                if result.page is None:
                    sys.exit(f"shopper {result.shopper_id}: {result.error}")
                beside.append(result.page)
                print(f"\r{len(beside)}/{len(ids)} pages", end="", file=sys.stderr)
            print(file=sys.stderr)
    return beside, alone, time.perf_counter() - started


def phase_table(pages: Sequence[Page]) -> list[str]:
    """Return medians per phase over ``pages``; a phase that a page lacks counts as nothing."""
    phases = list(dict.fromkeys(phase for page in pages for phase in page.usage))
    lines = ["| phase | calls | tokens in | tokens out | model seconds |", "|---|---|---|---|---|"]
    for phase in phases:
        used = [page.usage[phase] for page in pages if phase in page.usage]
        medians = [
            statistics.median(getattr(u, f) for u in used) for f in ("calls", "tokens_in", "tokens_out", "seconds")
        ]
        lines.append(f"| {phase} ({len(used)} pages) | " + " | ".join(f"{m:,.0f}" for m in medians) + " |")
    return lines


def invariants(pages: Sequence[Page], services: Services) -> dict[str, int]:
    """Return how often each rule that a page must keep was broken."""
    products = [product.id for page in pages for row in page.placements for product in row.products]
    known = services.catalog.existing_ids(products)
    shown = [row for page in pages for row in page.placements]
    outside = sum(_outside(row, services) for row in shown if row.keywords)
    drops = [drop for page in pages for drop in page.dropped]
    return {
        f"published products not in the catalogue (of {len(products)})": sum(p not in known for p in products),
        f"keywords outside the candidates (of {sum(len(r.keywords) for r in shown)})": outside,
        f"drops without a reason (of {len(drops)})": sum(not drop.reasons for drop in drops),
        f"placements without a verdict (of {len(shown)})": sum(not row.verdicts for row in shown),
    }


def _outside(row: Placement, services: Services) -> int:
    allowed = retrieve_vocabulary(
        services.keywords, services.products, services.catalog, row, services.settings.page.candidates
    )
    return len({*row.keywords} - {*allowed.keywords})


def pruning_table(row: Placement, services: Services, tokens: Callable[[str], int]) -> list[str]:
    """Return the tokens of the prompt of ``row`` with its candidates, and with the whole corpus in their place."""
    settings = services.settings
    allowed = retrieve_vocabulary(services.keywords, services.products, services.catalog, row, settings.page.candidates)
    folder = version_folder(settings.corpus_dir, read_record(settings.corpus_dir).version)
    whole = [term.text for term in read_terms(folder / TERMS) if term.kind == "query"]

    def prompt(keywords: list[str]) -> int:
        vocabulary = allowed.model_copy(update={"keywords": keywords})
        return sum(tokens(message["content"]) for message in render("keywords", placement=row, vocabulary=vocabulary))

    pruned, full = prompt(allowed.keywords), prompt(whole)
    return [
        "| keyword prompt | terms | tokens |",
        "|---|---|---|",
        f"| retrieved candidates | {len(allowed.keywords):,} | {pruned:,} |",
        f"| whole corpus | {len(whole):,} | {full:,} |",
        f"| ratio | | {full / pruned:,.0f} |",
    ]


def token_counter(settings: Settings) -> Callable[[str], int]:
    """Return a function that counts the tokens of a text as the keyword writer's model does."""
    from transformers import AutoTokenizer

    from engines.models import model_path

    tokenizer = AutoTokenizer.from_pretrained(model_path(settings, settings.roles["keyword_writer"].model))
    return lambda text: len(tokenizer(text)["input_ids"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sample", type=int, default=20, help="shoppers, evenly over the catalogue (default 20)")
    arguments = parser.parse_args()
    settings = load_settings()
    services = open_services(settings)
    pages, alone, seconds = asyncio.run(make_pages(settings, services, sample_shoppers(arguments.sample)))

    print(f"### {len(pages)} pages, side by side\n")
    print("\n".join(phase_table(pages)))
    kept = statistics.mean(len(page.placements) for page in pages)
    dropped = statistics.mean(len(page.dropped) for page in pages)
    print(f"\nWall seconds a page, {len(pages)} pages four at a time: {seconds / len(pages):.1f}.", end=" ")
    print(f"Alone, median of {len(alone)}: {statistics.median(page.seconds for page in alone):.1f}.", end=" ")
    print(
        f"Placements kept {kept:.1f}, dropped {dropped:.1f} a page; fall-back pages {sum(p.fallback for p in pages)}."
    )
    if any(page.versions.corpus != services.keywords.version for page in pages):
        sys.exit("the corpus was rebuilt while this ran: run it again")
    print("\n### What must hold\n\n| rule | broken |\n|---|---|")
    broken = invariants(pages, services)
    print("\n".join(f"| {rule} | {count} |" for rule, count in broken.items()))
    generated = [row for page in pages for row in page.placements if row.keywords]
    if generated:
        print("\n### Candidate pruning\n")
        print("\n".join(pruning_table(generated[0], services, token_counter(settings))))
    sys.exit(any(broken.values()))


if __name__ == "__main__":
    main()
