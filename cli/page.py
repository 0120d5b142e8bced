"""Commands around pages: make one, make several, tell why a page is as it is."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from cli.console import EXIT_ERROR, err, out, print_json, progress
from cli.page_options import OptionsFile, page_options
from cli.page_report import page_table, print_page, print_trace
from serving.batch_file import BatchFile
from state.errors import StoreError
from state.options import PageOptions
from state.placement import Page
from state.settings import load_settings

app = typer.Typer()

Themes = Annotated[int | None, typer.Option(min=1, max=12, help="Themes to ask the designer for.")]
JudgeShare = Annotated[float | None, typer.Option(min=0, max=1, help="Share of shoppers that the LLM judge reads.")]
HoldOut = Annotated[bool, typer.Option("--hold-out-last", help="Leave the latest order out of the context.")]
Html = Annotated[Path | None, typer.Option(help="Write the pages as one HTML file to look at.")]


@app.command()
def page(
    shopper: Annotated[str, typer.Argument(help="Shopper id, as in the imported orders; an unknown one is cold.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the page as one JSON document.")] = False,
    html: Html = None,
    cached: Annotated[bool, typer.Option("--cached", help="Take a stored page of the same versions.")] = False,
    themes: Themes = None,
    judge_share: JudgeShare = None,
    hold_out_last: HoldOut = False,
    options_file: OptionsFile = None,
) -> None:
    """Generate the page of one shopper, store it, and show it.

    Examples: shelfwise page 17; shelfwise page 17 --json | jq .placements[0]; shelfwise page 17 --html page.html
    """
    options = page_options(options_file, themes=themes, judge_share=judge_share, hold_out_last=hold_out_last)
    made = asyncio.run(_make_one(shopper, options, cached))
    if html:
        write_pages([made], html)
    if as_json:
        print_json(made)
    else:
        print_page(made)


async def _make_one(shopper: str, options: PageOptions, cached: bool) -> Page:
    from serving.pages import open_runner

    async with open_runner(load_settings()) as runner:
        if cached:
            versions = await asyncio.to_thread(runner.versions, options)
            if stored := await runner.pages.get(shopper, versions):
                return stored
        with err.status(f"page of shopper {escape(shopper)}") as status:
            return await runner.make(shopper, options, lambda _, event: status.update(_progress_line(event)))


def _progress_line(event: dict[str, Any]) -> str:
    about = event.get("title") or event.get("placement") or ""
    return escape(" ".join(str(part) for part in (event["event"].replace("_", " "), event.get("guard", ""), about)))


@app.command()
def pages(
    sample: Annotated[int | None, typer.Option(min=1, help="This many shoppers, evenly over the sorted ids.")] = None,
    shoppers: Annotated[Path | None, typer.Option(help="File with one shopper id a line.")] = None,
    out_file: Annotated[
        Path | None, typer.Option("--out", help="Write one page a line (JSONL). An existing file is continued.")
    ] = None,
    html: Html = None,
    cached: Annotated[bool, typer.Option("--cached", help="Take stored pages of the same versions.")] = False,
    themes: Themes = None,
    judge_share: JudgeShare = None,
    hold_out_last: HoldOut = False,
    options_file: OptionsFile = None,
) -> None:
    """Generate the pages of several shoppers.

    With --out, a shopper already in the file is not made again and one that failed gets a line
    {"shopper_id", "error"} and is tried again the next time. Exit code 1 when any shopper failed.
    """
    ids = _shopper_ids(sample, shoppers)
    options = page_options(options_file, themes=themes, judge_share=judge_share, hold_out_last=hold_out_last)
    batch = BatchFile.open(out_file) if out_file else None
    todo = [shopper for shopper in ids if batch is None or shopper not in batch.done]
    if len(todo) < len(ids):
        err.print(f"{len(ids) - len(todo)} of {len(ids)} shoppers are in {out_file} already")
    made, failed = asyncio.run(make_many(todo, options, cached=cached, batch=batch))
    if html:
        write_pages([*(batch.pages(ids) if batch else made)], html)
    if made:
        out.print(page_table(made))
    if failed:
        err.print(f"[red]{failed} of {len(todo)} shoppers failed[/]", highlight=False)
        raise typer.Exit(1)


async def make_many(
    ids: list[str], options: PageOptions, *, cached: bool, batch: BatchFile | None = None
) -> tuple[list[Page], int]:
    """Make the pages of ``ids`` under a progress bar. Returns them in that order, and how many shoppers failed."""
    from serving.pages import open_runner

    made: dict[str, Page] = {}
    failed = 0
    async with open_runner(load_settings()) as runner:
        with progress(len(ids), "pages") as (bar, task):
            async for result in runner.make_many(ids, options, cached=cached):
                if batch is not None:
                    batch.append(result)
                if result.page is not None:
                    made[result.shopper_id] = result.page
                else:
                    failed += 1
                    bar.console.print(f"shopper {result.shopper_id}: {result.error}", style="red", markup=False)
                bar.advance(task)
    return [made[shopper] for shopper in ids if shopper in made], failed


def _shopper_ids(sample: int | None, file: Path | None) -> list[str]:
    if (sample is None) == (file is None):
        raise typer.BadParameter("give either --sample N or --shoppers FILE")
    if file is not None:
        try:
            lines = file.read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise typer.BadParameter(f"cannot read {file}: {error}", param_hint="--shoppers") from error
        ids = list(dict.fromkeys(line.strip() for line in lines if line.strip()))
        if not ids:
            raise typer.BadParameter(f"{file} holds no shopper id", param_hint="--shoppers")
        return ids
    assert sample is not None
    return sample_shoppers(sample)


def sample_shoppers(count: int) -> list[str]:
    """Return ``count`` shoppers of the catalogue, evenly spaced over the sorted ids: the same ones every time."""
    from catalog.warehouse import Warehouse

    known = Warehouse.open(load_settings()).shopper_ids()
    count = min(count, len(known))
    return [known[index * len(known) // count] for index in range(count)]


def write_pages(made: Sequence[Page], path: Path) -> None:
    """Write the pages as one HTML file and say where; exits with 2 when the file cannot be written."""
    from serving.html import write_html

    try:
        write_html(made, path)
    except OSError as error:
        err.print(f"cannot write {path}: {error}", style="red", markup=False)
        raise typer.Exit(EXIT_ERROR) from error
    err.print(f"wrote {path}", markup=False, highlight=False)


@app.command()
def trace(
    shopper: Annotated[str, typer.Argument(help="Shopper whose stored page to explain.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print page, verdicts and chat calls as JSON.")] = False,
    replay: Annotated[
        bool, typer.Option("--replay", help="Make the page again from its recorded answers and compare.")
    ] = False,
    options_file: OptionsFile = None,
) -> None:
    """Tell why each placement of the stored page is there, and why the others were dropped."""
    page, calls, again = asyncio.run(_load_trace(shopper, page_options(options_file) if replay else None))
    if as_json:
        print_json({"page": page.model_dump(mode="json"), "calls": [call.model_dump(mode="json") for call in calls]})
    else:
        print_trace(page, calls)
    if again is not None:
        same = _content(again) == _content(page)
        err.print("replay: the same page" if same else "replay: a DIFFERENT page", style="green" if same else "red")
        if not same:
            sys.exit(1)


def _content(page: Page) -> Any:
    """Return what a page shows and why, without times and timings."""
    data = page.model_dump(mode="json", exclude={"created_at", "seconds", "usage"})
    for placement in [*data["placements"], *data["dropped"]]:
        for verdict in placement["verdicts"]:
            verdict.pop("seconds")
    return data


async def _load_trace(shopper: str, replay_with: PageOptions | None) -> tuple[Page, list[Any], Page | None]:
    from serving.pages import open_runner

    async with open_runner(load_settings()) as runner:
        page = await runner.pages.get(shopper)
        if page is None:
            raise StoreError(f"no stored page of shopper {shopper!r}. Make one: shelfwise page {shopper}")
        calls = await runner.pages.calls(page)
        again = await runner.replay(page, calls, replay_with) if replay_with is not None else None
        return page, calls, again
