"""What answers say of single products, and where that puts the relevance threshold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.annotation_study import small_study, titled

from evaluation.product_labels import product_labels
from evaluation.recalibration import recalibrate
from evaluation.study import Study
from state.errors import AnnotationError


def labels(study: Study) -> list[bool | None]:
    found = {label.product.id: label.fits for label in product_labels(study.annotations(), study.sources)}
    [source] = study.sources.values()
    return [found.get(product.id) for product in source.placements[0].products]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([("yes", [])], [True, True, True, True]),
        ([("yes", [1])], [True, False, True, True]),
        ([("no", [0, 1])], [False, False, True, True]),
        ([("no", [])], [None, None, None, None]),
        ([("unsure", [])], [None, None, None, None]),
        ([("yes", [1]), ("yes", [])], [True, None, True, True]),
        ([("yes", [1]), ("no", [])], [True, False, True, True]),
    ],
)
def test_marked_products_do_not_fit_and_a_plain_no_labels_none(
    tmp_path: Path, given: list[tuple[str, list[int]]], expected: list[bool | None]
) -> None:
    study = small_study(tmp_path / "study", pages=[titled("Fruit bowl")])
    for name, (answer, misfits) in zip(("ann", "bob"), given, strict=False):
        study.answer(name, study.items[0].id, "products_match", answer, misfits=misfits)  # type: ignore[arg-type]
    assert labels(study) == expected


def at(threshold: float):  # type: ignore[no-untyped-def]
    return lambda scores, fits: threshold


def shelves(low: float) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Return 30 placements of 5 products each that score from ``low`` up; the lowest of each does not fit."""
    scores = np.tile(np.linspace(low, 0.9, 5), 30)
    return scores, np.tile([False, True, True, True, True], 30), [f"{n // 5:02}" for n in range(150)]


def test_before_and_after_are_told_with_precision_and_recall() -> None:
    scores, fits, placements = shelves(0.5)
    found = recalibrate(scores, fits, placements, 0.4, at(0.55))
    assert (found.labels, found.misfits, found.placements, found.moved) == (150, 30, 30, True)
    assert (found.before.precision.estimate, found.before.recall.estimate) == (0.8, 1.0)
    assert (found.after.threshold, found.after.precision.estimate, found.after.recall.estimate) == (0.55, 1.0, 1.0)
    assert found.held_out.precision.estimate == 1.0
    assert found.note == ""


def test_the_threshold_does_not_go_down_into_what_nobody_looked_at() -> None:
    scores, fits, placements = shelves(0.7)
    found = recalibrate(scores, fits, placements, 0.6, at(0.2))
    assert (found.after.threshold, found.moved) == (0.6, False)
    assert "no product under 0.700" in found.note
    below = recalibrate(*shelves(0.3), 0.6, at(0.2))
    assert (below.after.threshold, below.moved) == (0.3, True)


def test_the_held_out_figures_are_of_thresholds_chosen_on_other_placements() -> None:
    scores, fits, placements = shelves(0.5)
    seen: list[int] = []

    def choose(part: np.ndarray, of: np.ndarray) -> float:
        seen.append(len(part))
        return 0.55

    recalibrate(scores, fits, placements, 0.4, choose)
    assert seen == [150, 120, 120, 120, 120, 120]


def test_too_few_labels_and_a_precision_out_of_reach_are_refused() -> None:
    scores, fits, placements = shelves(0.5)
    for few in (slice(0, 90), slice(0, 0)):
        with pytest.raises(AnnotationError, match="annotate more"):
            recalibrate(scores[few], fits[few], placements[few], 0.4, at(0.5))
    with pytest.raises(AnnotationError, match="0 of them not fitting"):
        recalibrate(scores, np.ones_like(fits), placements, 0.4, at(0.5))

    def never(part: np.ndarray, of: np.ndarray) -> float:
        raise ValueError("no threshold keeps with a precision of 0.99")

    with pytest.raises(AnnotationError, match=r"precision of 0\.99"):
        recalibrate(scores, fits, placements, 0.4, never)
