"""``shelfwise keywords``, ``design`` and ``judge``: one phase of the page, on files, for other programs."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.console import err, progress
from cli.page_options import OptionsFile, page_options
from state.settings import load_settings

if TYPE_CHECKING:
    from graph.services import Services
    from serving.phase_files import AnswerLine, InputLine
    from state.guard import Chat, Embedder
    from tools.shopper import ShopperContextTool

app = typer.Typer()

Out = Annotated[Path, typer.Option("--out", help="Answers, one a line. An existing file is continued.")]
AtATime = Annotated[int, typer.Option("--concurrency", min=1, max=256, help="Lines in work at once.")]
SHOWN_FAULTS = 5


@app.command()
def keywords(
    themes: Annotated[Path, typer.Option("--in", help="Themes with what may be chosen, one JSON object a line.")],
    out_file: Out,
    concurrency: AtATime = 8,
) -> None:
    """Choose search keywords and categories for themes (phase 2), each out of the candidates given with it.

    A line in: {"title", "rationale", "concepts", "candidates", "categories"}, and if you like "id" and "filters".
    A line out: {"id", "title", "keywords", "categories", "filters", "model"}, best first, in the order of the lines in;
    "line", its number, where a line has no id. Nothing is chosen that was not given; empty lists mean that none fits.
    With page.keywords_shown set, the writer is shown only so many of the candidates, the likeliest.

    A line that cannot be answered gives {"id", "error"}; run again to ask only those and new ones. Exit codes:
    0 all answered, 1 some lines have an error, 2 wrong usage.

    Example: shelfwise keywords --in themes.jsonl --out chosen.jsonl
    """
    from engines.versions import selector_version
    from serving.phase_files import read_input
    from serving.phase_lines import basis_of, keyword_answerer
    from tools.keyword_selector import load_selector

    settings = load_settings()
    lines = read_input(themes)
    chat, embedder = keyword_tools()
    selector, shown = load_selector(settings, embedder), settings.page.keywords_shown
    told = (shown, selector_version(settings)) if shown else ()
    basis = basis_of(settings.roles["keyword_writer"], embedder.name, *told)
    answer = keyword_answerer(chat, embedder, selector, shown)
    run_lines(lines, out_file, answer, basis, concurrency, "themes")


@app.command()
def design(
    shoppers: Annotated[Path, typer.Option(help="Shopper ids, one a line, or JSON objects with shopper_id.")],
    out_file: Out,
    themes: Annotated[int | None, typer.Option(min=1, max=12, help="Themes to ask the designer for.")] = None,
    hold_out_last: Annotated[bool, typer.Option("--hold-out-last", help="Leave the latest order out.")] = False,
    options_file: OptionsFile = None,
    concurrency: AtATime = 8,
) -> None:
    """Design pages (phase 1 alone): persona and themes for each shopper, in the configured design mode.

    A line out: {"shopper_id", "cold", "persona", "themes": [{"title", "need", "rationale", "concepts"}],
    "model"}, in the order of the lines in. A shopper without orders is designed for as "cold".

    A line that cannot be answered gives {"shopper_id", "error"}; run again to ask only those and new ones.
    Exit codes: 0 all answered, 1 some lines have an error, 2 wrong usage.

    Example: shelfwise design --shoppers ids.txt --out designs.jsonl
    """
    from serving.phase_files import read_input
    from serving.phase_lines import basis_of, design_answerer

    settings = load_settings()
    options = page_options(options_file, themes=themes, hold_out_last=hold_out_last).over(settings.page)
    lines = read_input(shoppers, id_field="shopper_id", plain_ids=True)
    services = design_services()
    shaping = options.model_dump(include={"themes", "design_mode", "design_parts", "spare_themes", "hold_out_last"})
    basis = basis_of(settings.roles["designer"], services.versions(), shaping)
    run_lines(lines, out_file, design_answerer(services, options), basis, concurrency, "designs", "shopper_id")


@app.command()
def judge(
    pages: Annotated[Path, typer.Option("--in", help="Pages as 'shelfwise pages --out' writes them, one a line.")],
    out_file: Out,
    concurrency: AtATime = 4,
) -> None:
    """Ask the LLM judge its seven yes/no questions on pages and their placements, with a reason for each answer.

    A line in: a page, or {"shopper_id", "placements": [{"title", "need", "rationale", "products": [names]}]}.
    A line out: {"shopper_id", "model", "page": {question: {"reason", "answer", "decides"}},
    "placements": [{"id", "title", question: ...}]}, in the order of the lines in. "decides" tells whether the judge
    guard would act on a "no" to this question (docs/judge.md).

    A line that cannot be answered, or not in every part, has an "error"; run again to ask only those and new ones.
    Exit codes: 0 all answered, 1 some lines have an error, 2 wrong usage.

    Example: shelfwise pages --sample 20 --out pages.jsonl && shelfwise judge --in pages.jsonl --out verdicts.jsonl
    """
    from agents.judge_calibration import answering_model, deciding_questions, read_calibration
    from graph.guards import build_guards, discover_guards
    from serving.phase_files import read_input
    from serving.phase_lines import basis_of, judge_answerer

    settings = load_settings()
    lines = read_input(pages, id_field="shopper_id")
    build_guards(discover_guards(settings.guards_dir), settings.guards)
    decides = settings.guards.get("judge", {}).get("decides")
    chat, shoppers, catalog = judge_tools()
    least = settings.page.min_products
    role = settings.roles["judge"]
    deciding = deciding_questions(read_calibration(settings.guards_dir), answering_model(role), decides)
    basis = basis_of(role, catalog, least, sorted(deciding))
    answer = judge_answerer(chat, shoppers, settings.guards_dir, decides, least)
    run_lines(lines, out_file, answer, basis, concurrency, "pages judged", "shopper_id")


def keyword_tools() -> tuple[Chat, Embedder]:
    """Open the chat and the embedder; no catalogue is needed."""
    from engines.chat import ChatClient
    from engines.embedder import load_embedder

    settings = load_settings()
    return ChatClient(settings), load_embedder(settings)


def design_services() -> Services:
    """Open everything that the page graph designs with."""
    from graph.services import open_services

    return open_services(load_settings())


def judge_tools() -> tuple[Chat, ShopperContextTool, str]:
    """Open the chat and the shoppers; returned with the catalogue's version."""
    from catalog.warehouse import Warehouse
    from engines.chat import ChatClient
    from tools.shopper import ShopperContextTool

    settings = load_settings()
    warehouse = Warehouse.open(settings)
    return ChatClient(settings), ShopperContextTool(warehouse), warehouse.version


def run_lines(
    lines: Sequence[InputLine],
    out_file: Path,
    answer: AnswerLine,
    basis: str,
    concurrency: int,
    label: str,
    id_field: str = "id",
) -> None:
    from serving.phase_files import answer_lines

    with progress(len(lines), label) as (bar, row):
        count = asyncio.run(
            answer_lines(
                lines,
                out_file,
                answer,
                basis=basis,
                id_field=id_field,
                at_a_time=concurrency,
                on_done=lambda: bar.advance(row),
            )
        )
        bar.update(row, completed=len(lines))
    err.print(
        f"{out_file}: {count.answered:,} answered, {count.kept:,} there before, {count.failed:,} with an error",
        highlight=False,
        soft_wrap=True,
    )
    for fault in count.faults[:SHOWN_FAULTS]:
        err.print(fault, style="red", markup=False, highlight=False, soft_wrap=True)
    if count.failed > SHOWN_FAULTS:
        err.print(f"... and {count.failed - SHOWN_FAULTS:,} more, each in its line", highlight=False)
    if count.failed:
        raise typer.Exit(1)
