"""``shelfwise annotate``: people answer the judge's questions, and their answers are compared and exported."""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.annotate_align import StudyFolder, align
from cli.annotate_recalibrate import recalibrate, write_pairs
from cli.console import err, print_json
from cli.plain_table import print_table, shown
from state.annotation import Annotation, Level
from state.errors import SettingsError
from state.http import is_loopback
from state.settings import load_settings

if TYPE_CHECKING:
    from evaluation.annotations import QuestionAgreement
    from evaluation.bootstrap import Interval

app = typer.Typer(no_args_is_help=True)
app.command()(align)
app.command()(recalibrate)


class Format(StrEnum):
    CSV = "csv"
    JSONL = "jsonl"
    PAIRS = "pairs"


@app.command()
def sample(
    pages: Annotated[
        list[str], typer.Option(help="FILE of 'shelfwise pages --out', NAME=FILE, or 'store'; give it several times.")
    ],
    annotators: Annotated[str, typer.Option(help="Who annotates, separated by commas: ann,bob.")],
    folder: Annotated[Path, typer.Option("--out", help="Folder of the study.")],
    level: Annotated[Level, typer.Option(help="What a person is asked about: one placement, or a page.")] = "placement",
    size: Annotated[int, typer.Option(min=1, help="Items to draw.")] = 100,
    seed: Annotated[int, typer.Option(help="The same pages and seed give the same items.")] = 7,
) -> None:
    """Draw a blind sample for people to annotate, the same number from each kind of placement or page.

    Items show what the judge is shown and nothing of what made them; where they come from is kept in another file.

    Example: shelfwise annotate sample --pages store --size 100 --annotators ann,bob --out studies/march
    """
    from catalog.warehouse import Warehouse
    from cli.annotate_pages import read_sources
    from evaluation.sampling import sample_items, sources_of
    from evaluation.study import Study
    from tools.shopper import ShopperContextTool

    settings = load_settings()
    found = read_sources(pages)
    load = ShopperContextTool(Warehouse.open(settings)).load
    items, keys = sample_items(found, load, level=level, size=size, seed=seed)
    study = Study.create(
        folder,
        (items, keys, sources_of(keys, found, load)),
        annotators=[name.strip() for name in annotators.split(",")],
        min_products=settings.page.min_products,
        drawn_from=", ".join(f"{name} ({len(made)} pages)" for name, made in found.items()),
        seed=seed,
    )
    strata = len({key.stratum for key in keys})
    err.print(f"{len(items)} items of {strata} strata in {folder}", highlight=False, soft_wrap=True)
    err.print(f"annotate: shelfwise annotate serve --study {folder}", highlight=False, soft_wrap=True)
    err.print(f"annotators: {', '.join(study.card.annotators)}", highlight=False)


@app.command()
def serve(
    folder: StudyFolder,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port.")] = 8010,
) -> None:
    """Serve the annotation page. Without keys in the settings it answers this machine alone.

    Example: shelfwise annotate serve --study studies/march
    """
    import uvicorn

    from evaluation.study import Study
    from serving.annotation.app import create_annotation_app

    http = load_settings().http
    if http.open and not is_loopback(host):
        raise SettingsError(
            f"without keys anybody who reaches {host} could answer. Make a key (shelfwise key) and put its lines into "
            "shelfwise.toml, or listen on 127.0.0.1."
        )
    study = Study.open(folder)
    study.annotations()  # a damaged file is told here, not to an annotator
    config = uvicorn.Config(
        create_annotation_app(study, http),
        host=host,
        port=port,
        access_log=False,
        server_header=False,
        log_level="warning",
        timeout_graceful_shutdown=5,
    )
    err.print(f"annotate on http://{host}:{port}", highlight=False)
    uvicorn.Server(config).run()


@app.command()
def export(
    folder: StudyFolder,
    path: Annotated[Path, typer.Option("--out", dir_okay=False, help="File to write.")],
    format_: Annotated[Format, typer.Option("--format", help="csv, jsonl, or pairs for training.")] = Format.CSV,
) -> None:
    """Write the answers that stand: as CSV with where each item comes from, as JSON lines, or as relevance pairs.

    Pairs are rows of the relevance training data (docs/training.md): products that people found fitting or not.

    Example: shelfwise annotate export --study studies/march --out march.csv
    """
    from evaluation.annotations import export_csv
    from evaluation.study import Study
    from training.datasets import write_whole

    study = Study.open(folder)
    answers = study.annotations()
    if format_ is Format.PAIRS:
        count, what = write_pairs(study, path), "pairs"
    else:
        lines = (f"{answer.model_dump_json(exclude_defaults=True)}\n" for answer in answers)
        text = export_csv(answers, study.keys) if format_ is Format.CSV else "".join(lines)
        write_whole(path, text.encode())
        count, what = len(answers), "answers"
    err.print(f"{count} {what} in {path}", highlight=False, soft_wrap=True)


@app.command()
def agreement(
    files: Annotated[list[Path] | None, typer.Argument(help="Files of answers, instead of a study.")] = None,
    folder: Annotated[Path | None, typer.Option("--study", help="Folder of the study.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Tell how far annotators agree on each question: share of equal answers, Cohen's kappa, Krippendorff's alpha.

    Examples: shelfwise annotate agreement --study studies/march; shelfwise annotate agreement ann.jsonl bob.jsonl
    """
    from evaluation.annotations import agreement_by_question, read_annotations
    from evaluation.study import Study

    if bool(files) == (folder is not None):
        raise typer.BadParameter("give either --study DIR or files of answers")
    answers: list[Annotation] = Study.open(folder).annotations() if folder is not None else []
    for file in files or []:
        answers += read_annotations(file)
    found = agreement_by_question(answers)
    if as_json:
        print_json({"questions": [_as_json(one) for one in found]})
    elif found:
        _print(found)
    else:
        err.print("nothing is answered yet")


def _print(found: Sequence[QuestionAgreement]) -> None:
    rows = []
    for one in found:
        of_all = [shown(one.alpha), f"{one.yes_rate:.0%}", f"{one.unsure_rate:.0%}"]
        if not one.pairs:
            rows.append([one.question, "no two", "0", "", "", *of_all])
        for pair, scores in one.pairs.items():
            cells = [" / ".join(pair), str(scores.n), shown(scores.accuracy), shown(scores.kappa)]
            rows.append([one.question, *cells, *of_all])
    columns = "question", "annotators", "items", "equal", "kappa", "alpha of all", "yes", "unsure"
    print_table("Agreement between people (95 % intervals)", columns, rows)


def _as_json(one: QuestionAgreement) -> dict[str, object]:
    pairs = [
        {"annotators": list(pair), "items": scores.n, "equal": _bounds(scores.accuracy), "kappa": _bounds(scores.kappa)}
        for pair, scores in one.pairs.items()
    ]
    return {
        "question": one.question,
        "items": one.items,
        "alpha": _bounds(one.alpha),
        "yes_rate": one.yes_rate,
        "unsure_rate": one.unsure_rate,
        "pairs": pairs,
    }


def _bounds(interval: Interval) -> dict[str, float | None]:
    values = {"estimate": interval.estimate, "low": interval.low, "high": interval.high}
    return {name: None if math.isnan(value) else value for name, value in values.items()}
