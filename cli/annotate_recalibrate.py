"""``shelfwise annotate recalibrate``: people's labels as ground truth for the relevance threshold and its training."""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.annotate_align import StudyFolder, digest_of
from cli.console import err
from cli.plain_table import print_table, shown
from state.errors import AnnotationError, SettingsError
from state.settings import Settings, load_settings

if TYPE_CHECKING:
    import numpy as np

    from evaluation.recalibration import AtThreshold, Recalibration
    from evaluation.study import Study
    from state.guard import PairScorer


def recalibrate(
    folder: StudyFolder,
    precision: Annotated[float, typer.Option(min=0.5, max=0.999, help="What the threshold has to keep to.")] = 0.95,
    write: Annotated[bool, typer.Option("--write", help="Put the threshold in force.")] = False,
) -> None:
    """Choose the relevance threshold by the products that people found fitting or not, and say what moves.

    Prints threshold, precision and recall before and after, and on placements that were not chosen on. Nothing is
    written without --write, and too few labels are refused.

    Example: shelfwise annotate recalibrate --study studies/march
    """
    from evaluation.product_labels import product_labels
    from evaluation.recalibration import recalibrate as fit
    from evaluation.study import Study
    from state.relevance import product_text, theme_text

    settings, study = load_settings(), Study.open(folder)
    if study.card.level != "placement":
        raise AnnotationError("products are marked in studies of placements: draw one with --level placement.")
    labels = product_labels(study.annotations(), study.sources)
    scorer = open_scorer(settings)
    if scorer.threshold is None:
        raise SettingsError(f"{scorer.name} has no threshold to start from. Calibrate it first: docs/relevance.md.")
    import numpy as np

    texts = [
        (
            theme_text(label.placement.title, label.placement.concepts),
            product_text(label.product.name, label.product.aisle),
        )
        for label in labels
    ]
    scores = np.asarray(scorer.score(texts), dtype=np.float64)
    fits = np.array([label.fits for label in labels], dtype=bool)
    found = fit(scores, fits, [label.item for label in labels], scorer.threshold, partial(_choose, precision))
    _print(found, scorer.name)
    if found.note:
        err.print(found.note, highlight=False, soft_wrap=True)
    if settings.guards.get("relevance", {}).get("threshold") is not None:
        err.print(
            "guards.relevance.threshold is set in the settings and overrides it.", highlight=False, soft_wrap=True
        )
    if not write:
        return
    if not found.moved:
        err.print("nothing moved: nothing was written")
        return
    path = write_threshold(settings, found, f"{found.labels} products annotated, study {digest_of(study)}")
    err.print(f"threshold {found.after.threshold:g} is in force: {path}", highlight=False, soft_wrap=True)


def write_pairs(study: Study, path: Path) -> int:
    """Write people's product labels as rows of the relevance data, return how many.

    A theme's id names its shopper, so that it falls into their split, and a number made from the item's id, which no
    shipped theme has.

    Raises:
        AnnotationError: people labelled no product.
        DatasetError: the file cannot be written.
    """
    from evaluation.product_labels import product_labels
    from training.datasets import write_dataset
    from training.examples import RelevanceExample

    labels = product_labels(study.annotations(), study.sources) if study.card.level == "placement" else []
    if not labels:
        raise AnnotationError("people labelled no product yet: answer 'products_match' in a study of placements.")
    rows = [
        RelevanceExample(
            theme_id=f"{label.shopper_id}-{int(label.item, 16)}",
            title=label.placement.title,
            need=label.placement.need,
            rationale=label.placement.rationale,
            concepts=label.placement.concepts,
            product_id=label.product.id,
            label=2 if label.fits else 0,
        )
        for label in labels
        if label.placement.concepts
    ]
    write_dataset(path, rows)
    return len(rows)


def write_threshold(settings: Settings, found: Recalibration, chosen_on: str) -> Path:
    """Put the threshold into the record of the configured scorer; return its file."""
    from engines.cross_encoder import RECORD, read_cross_encoder_record
    from engines.scorer import SIMILARITY_THRESHOLD
    from tools.mixed_scorer import MIX_RECORD, read_mix_record
    from tools.pair_scorer import scorer_name
    from training.datasets import write_whole
    from training.relevance_export import write_record
    from training.relevance_mix import write_mix

    folder, command = settings.scorer.path, " ".join(["shelfwise", *sys.argv[1:]])
    chosen = {"threshold": found.after.threshold, "chosen_on": chosen_on, "command": command}
    if settings.scorer.kind == "mix":
        write_mix(folder, read_mix_record(folder).model_copy(update=chosen))
        return folder / MIX_RECORD
    if settings.scorer.kind == "cross-encoder":
        mix = read_mix_record(folder) if (folder / MIX_RECORD).exists() else None
        record = read_cross_encoder_record(folder).model_copy(update=chosen)
        write_record(folder, record)
        if mix is not None:
            # The name holds the threshold, which the mix does not use: its weights stay right.
            write_mix(folder, mix.model_copy(update={"cross_encoder": record.name}))
        return folder / RECORD
    content = {"model": scorer_name(settings), **chosen}
    write_whole(SIMILARITY_THRESHOLD, (json.dumps(content, indent=2) + "\n").encode())
    return SIMILARITY_THRESHOLD


def open_scorer(settings: Settings) -> PairScorer:
    """Load the scorer that the settings name."""
    from tools.pair_scorer import load_scorer

    return load_scorer(settings)


def _choose(precision: float, scores: np.ndarray, fits: np.ndarray) -> float:
    import numpy as np

    from training.relevance_pairs import FITS, MISFIT
    from training.relevance_scores import threshold_for_precision

    return threshold_for_precision(scores, np.where(fits, FITS, MISFIT), precision, "strict")


def _print(found: Recalibration, scorer: str) -> None:
    def row(name: str, at: AtThreshold) -> list[str]:
        return [name, f"{at.threshold:.3f}", shown(at.precision), shown(at.recall)]

    title = f"{scorer}: {found.labels} products of {found.placements} placements, {found.misfits} misfits"
    rows = [
        row("before", found.before),
        row("after" if found.moved else "after (unmoved)", found.after),
        row("chosen on others", found.held_out),
    ]
    print_table(title, ("", "threshold", "precision (95 %)", "recall (95 %)"), rows)
