"""``shelfwise teach``: requests to a teacher, its answers, and the quality gate over what they give."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.console import err, progress
from cli.teach_gate import gate
from cli.teach_intents import asked_of_queries, keep_parts, publish, read_parts
from cli.teach_sources import all_shoppers, known_of_catalog, listed, open_shop, print_import, read_designs
from state.errors import SettingsError
from state.settings import load_settings
from training.datasets import DatasetError
from training.examples import Example, Task
from training.splits import Split

if TYPE_CHECKING:
    from training.exporting import Asked
    from training.running import Endpoint

app = typer.Typer(no_args_is_help=True, help="Ask a teacher model, read its answers, sift them into training data.")
app.command()(gate)

TaskOption = Annotated[Task, typer.Option(help="What the teacher is asked to do.")]


@app.command()
def export(
    task: TaskOption,
    out_file: Annotated[Path, typer.Option("--out", help="Requests file; its subjects are written beside it.")],
    shoppers: Annotated[Path | None, typer.Option(help="File of shopper ids, one a line. Default: all.")] = None,
    designs: Annotated[
        Path | None, typer.Option(help="Designs whose themes to ask about (keywords, relevance). Default: the shipped.")
    ] = None,
    pages: Annotated[Path | None, typer.Option(help="Pages to judge, as 'shelfwise pages --out' writes them.")] = None,
    queries: Annotated[
        Path | None,
        typer.Option(help="Queries to ask about (intents): one a line, or JSON lines with 'query', 'kind'."),
    ] = None,
    queue: Annotated[
        bool, typer.Option("--queue", help="Ask about the queries that wait for the teacher (intents).")
    ] = False,
    split: Annotated[Split | None, typer.Option(help="Only shoppers, or queries, of this split.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most this many shoppers, or queries.")] = None,
    model: Annotated[str, typer.Option(help="Model that the requests name.")] = "teacher",
    seed: Annotated[int, typer.Option(help="Seed of the products to label (relevance).")] = 7,
) -> None:
    """Write requests in the OpenAI Batch format, with the prompts and answer schemas that the app uses.

    Example: shelfwise teach export --task design --split train --limit 50 --out requests.jsonl
    """
    from training import exporting

    if task is not Task.INTENTS and (queries is not None or queue):
        raise SettingsError("--queries and --queue belong to --task intents.")
    if (task is Task.JUDGE) != (pages is not None):
        raise SettingsError("--pages belongs to --task judge, which needs it (make them with 'shelfwise pages --out').")
    settings = load_settings()
    if task is Task.INTENTS:
        _write(task, out_file, asked_of_queries(queries, queue, split, limit, model))
        return
    shop = open_shop(task)
    if task is Task.JUDGE:
        assert pages is not None
        made = {page.shopper_id: page for page in exporting.read_pages(pages)}
        ids = exporting.choose_shoppers(listed(shoppers) or list(made), split, limit)
        chosen = [made[shopper] for shopper in ids if shopper in made]
        asked = exporting.judge_requests(shop, chosen, model, settings.page.min_products)
    elif task is Task.DESIGN:
        ids = exporting.choose_shoppers(listed(shoppers) or all_shoppers(), split, limit)
        hold_out = settings.page.hold_out_last
        asked = exporting.design_requests(shop, ids, model, settings.page.themes, hold_out_last=hold_out)
    else:
        examples = read_designs(designs)
        every = [example.shopper_id for example in examples]
        ids = exporting.choose_shoppers(listed(shoppers) or every, split, limit)
        themes = exporting.themes_of(examples, ids)
        if task is Task.KEYWORDS:
            asked = exporting.keyword_requests(shop, themes, model, settings.page.candidates)
        else:
            asked = exporting.relevance_requests(shop, themes, model, seed)
    _write(task, out_file, asked)


def _write(task: Task, out_file: Path, asked: Iterable[Asked]) -> None:
    from training.requests import write_requests

    with progress(0, "requests") as (bar, row):
        bar.update(row, total=None)
        count = write_requests(out_file, _ticking(asked, lambda: bar.advance(row)))
    err.print(f"{count:,} requests for '{task.value}' in {out_file}", highlight=False, soft_wrap=True)
    if not count:
        raise typer.Exit(1)


@app.command("import")
def import_(
    task: TaskOption,
    answers: Annotated[Path, typer.Option("--in", help="Batch output, or rows as data sets hold them (.gz too).")],
    dataset: Annotated[Path, typer.Option("--out", help="Data set to make or add to (.gz: compressed).")],
    requests: Annotated[
        Path | None, typer.Option(help="The requests that were asked; batch output needs them.")
    ] = None,
    catalog: Annotated[
        bool, typer.Option(help="Leave out shoppers and products that the catalogue does not know.")
    ] = True,
    report: Annotated[Path | None, typer.Option(help="Write every line left out as JSON.")] = None,
    to_cache: Annotated[
        bool, typer.Option("--publish", help="Put the data set's answers into the head cache too (intents).")
    ] = False,
) -> None:
    """Read answers into a data set. What cannot be used is reported and left out, nothing else is lost.

    A query ('intents') has four answers. Those of queries with another one missing wait in a file beside --out, and
    the next import takes them up.

    Reading the same answers again changes nothing. Exit codes: 0 every line is in, 1 some were left out,
    2 nothing could be used (no file is written) or wrong usage.
    """
    from training.datasets import read_dataset, write_dataset
    from training.importing import import_answers
    from training.requests import read_subjects

    if to_cache and task is not Task.INTENTS:
        raise SettingsError("--publish belongs to --task intents: the head cache answers queries.")
    existing: list[Example] = [*read_parts(dataset)] if task is Task.INTENTS else []
    if dataset.exists():
        rows, faults = read_dataset(task, dataset)
        if faults:
            raise DatasetError(
                f"{dataset}, line {faults[0].line}: {faults[0].reason} ({faults[0].detail}). It is no data set of "
                f"'{task.value}': name another file for --out."
            )
        existing += [row for _, row in rows]
    subjects = read_subjects(requests) if requests else None
    found = import_answers(task, answers, subjects=subjects, known=known_of_catalog(catalog), existing=existing)
    print_import(found, answers)
    if report:
        from training.datasets import write_whole

        lines = [vars(problem) for problem in found.problems]
        content = {"left_out": lines, "unanswered": found.unanswered, "added": found.added}
        if task is Task.INTENTS:
            content["waiting"] = sorted({part.query for part in found.parts})
        write_whole(report, json.dumps(content, ensure_ascii=False, indent=1).encode())
    if not found.added and not found.already_there and not found.parts:
        raise DatasetError(f"{answers} holds nothing that can be used; {dataset} was not touched.")
    digest = write_dataset(dataset, found.rows.values())
    err.print(f"{dataset}: {len(found.rows):,} rows, sha256 {digest[:12]}", highlight=False, soft_wrap=True)
    if task is Task.INTENTS:
        keep_parts(dataset, found.parts)
    if to_cache:
        err.print(f"{publish(found.rows.values()):,} answers in the head cache", highlight=False)
    if found.problems or found.parts:
        raise typer.Exit(1)


@app.command()
def run(
    task: TaskOption,
    requests: Annotated[Path, typer.Option("--in", help="Requests, as 'teach export' writes them.")],
    answers: Annotated[Path, typer.Option("--out", help="Answers; what is there already is not asked again.")],
    base_url: Annotated[str | None, typer.Option(help="OpenAI-compatible endpoint. Default: the role's.")] = None,
    model: Annotated[str | None, typer.Option(help="Model to ask. Default: the role's, or the requests'.")] = None,
    role: Annotated[str, typer.Option(help="Role of the settings to take endpoint, key and prices from.")] = "judge",
    concurrency: Annotated[int, typer.Option(min=1, help="Requests at a time.")] = 4,
    per_minute: Annotated[float | None, typer.Option(min=0.1, help="Requests started in a minute, at most.")] = None,
    attempts: Annotated[int, typer.Option(min=1, help="Tries of one request.")] = 5,
    timeout_s: Annotated[float | None, typer.Option(min=0.1, help="Of one try. Default: the role's.")] = None,
    usd_in: Annotated[float | None, typer.Option(min=0, help="US dollars per million tokens in.")] = None,
    usd_out: Annotated[float | None, typer.Option(min=0, help="US dollars per million tokens out.")] = None,
) -> None:
    """Ask an endpoint what the requests say. Can be stopped and run again: it goes on where it stopped.

    Overload (429, after Retry-After), server faults and time-outs are tried again; refusals are not. Exit codes:
    0 all answered, 1 some failed (run again to ask those), 2 wrong usage.
    """
    import asyncio

    from training.answer_file import AnswerFile
    from training.requests import read_requests
    from training.running import answer_requests

    asked = [request for request in read_requests(requests) if request.custom_id.startswith(f"{task.value}-")]
    if not asked:
        raise DatasetError(f"{requests} holds no requests for '{task.value}'.")
    endpoint = _endpoint(role, base_url, model, concurrency, per_minute, attempts, timeout_s, usd_in, usd_out)
    file = AnswerFile.open(answers)
    with progress(len(asked), "answers") as (bar, row):
        count = asyncio.run(answer_requests(asked, file, endpoint, on_done=lambda: bar.advance(row)))
    err.print(
        f"{count.answered:,} answered, {count.skipped:,} there before, {count.failed:,} failed, {count.retries:,} "
        f"retries; {count.tokens_in:,} tokens in, {count.tokens_out:,} out, {count.cost_usd(endpoint):.4f} USD",
        highlight=False,
        soft_wrap=True,
    )
    if count.stopped:
        err.print(f"stopped: the endpoint {count.stopped}", markup=False, highlight=False)
    if count.failed or count.stopped:
        raise typer.Exit(1)


def _ticking(asked: Iterable[Asked], tick: Callable[[], object]) -> Iterator[Asked]:
    for item in asked:
        yield item
        tick()


def _endpoint(
    role: str,
    base_url: str | None,
    model: str | None,
    concurrency: int,
    per_minute: float | None,
    attempts: int,
    timeout_s: float | None,
    usd_in: float | None,
    usd_out: float | None,
) -> Endpoint:
    from training.running import Endpoint

    roles = {str(name): config for name, config in load_settings().roles.items()}
    if role not in roles:
        raise SettingsError(f"no chat role '{role}'. Roles are: {', '.join(roles)}.")
    config = roles[role]
    address = base_url or config.base_url
    if not address:
        raise SettingsError(f"name an endpoint with --base-url, or set base_url of role '{role}'.")
    # A key belongs to the endpoint it was set for: it is never sent to another one.
    key = config.api_key if config.base_url in (None, address) else None
    return Endpoint(
        base_url=address,
        model=model or (config.model if config.engine == "openai" else None),
        api_key=key.get_secret_value() if key else None,
        concurrency=concurrency,
        per_minute=per_minute,
        timeout_s=timeout_s or config.timeout_s,
        attempts=attempts,
        usd_per_mtok_in=config.usd_per_mtok_in if usd_in is None else usd_in,
        usd_per_mtok_out=config.usd_per_mtok_out if usd_out is None else usd_out,
    )
