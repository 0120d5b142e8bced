"""Of placements that say or sell the same, the first stays: rules by example and by property."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from support.fakes import GUARDS_DIR, context, guard, placement, product

from graph.guards import run_guard
from state.placement import Placement
from state.verdict import Action, Outcome, Verdict

TITLES = ["apples", "pears", "plums", "grapes", "melons", "figs"]


class TableEmbedder:
    """Gives a placement the vector of its first concept."""

    name = "table"

    def __init__(self, vectors: dict[str, Sequence[float]]) -> None:
        self.vectors = vectors

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        rows = np.array([self.vectors[text.split(": ")[1]] for text in texts], dtype=np.float32)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


APART = TableEmbedder({title: np.eye(len(TITLES))[row].tolist() for row, title in enumerate(TITLES)})


def of(position: int, *products: str, title: str | None = None, id: str | None = None) -> Placement:
    name = TITLES[position % len(TITLES)]
    shown = [product(item) for item in products]
    return placement(
        title or name.title(), id=id or f"7-{position}", position=position, concepts=[name], products=shown
    )


def judge(page: Sequence[Placement], embedder: TableEmbedder = APART, **config: object) -> list[Verdict]:
    return list(guard("duplicates", **config).check(page, context(page, embedder=embedder)))  # type: ignore[arg-type]


def kept(page: Sequence[Placement], embedder: TableEmbedder = APART) -> list[Placement]:
    return [p for p, verdict in zip(page, judge(page, embedder), strict=True) if verdict.outcome is Outcome.PASS]


def test_placements_that_differ_all_stay() -> None:
    assert [v.outcome for v in judge([of(0, "a"), of(1, "b"), of(2)])] == [Outcome.PASS] * 3


def test_shared_products_mean_repair_of_the_later_one_with_the_other_named() -> None:
    first, second = judge([of(0, "a", "b", "c"), of(1, "a", "b", "d")])
    assert first.outcome is Outcome.PASS
    assert second.action is Action.REPAIR
    assert second.reasons == ("much the same products (overlap 0.50) as 'Apples': choose keywords for other products",)


def test_the_same_idea_or_title_is_dropped_since_new_keywords_would_not_change_it() -> None:
    near = TableEmbedder({"apples": [1, 0], "pears": [1, 0.1], "plums": [0, 1]})
    assert [v.action for v in judge([of(0), of(1), of(2)], near)] == [Action.KEEP, Action.DROP, Action.KEEP]
    same_title = [of(0, title="Apples for the Week"), of(1, title="apple, for a week!")]
    assert judge(same_title)[1].action is Action.DROP


def test_the_position_decides_and_not_the_order_given() -> None:
    page = [of(1, "a", "b"), of(0, "a", "b")]
    assert [v.outcome for v in judge(page)] == [Outcome.FAIL, Outcome.PASS]


def test_a_chain_of_likeness_keeps_its_first_link_only() -> None:
    chain = [of(0, "a", "b", "c"), of(1, "b", "c", "d"), of(2, "c", "d", "e"), of(3, "x")]
    assert [v.outcome.value for v in judge(chain)] == ["pass", "fail", "fail", "pass"]


def test_the_score_is_the_distance_to_the_nearest_earlier_placement() -> None:
    first, second = judge([of(0), of(1)])
    assert (first.score, second.score, second.threshold, second.model) == (None, 1.0, 0.15, "table")


@st.composite
def pages(draw: st.DrawFn) -> list[Placement]:
    baskets = draw(st.lists(st.sets(st.sampled_from("abcdef"), max_size=5), max_size=6))
    return [of(position, *sorted(basket)) for position, basket in enumerate(baskets)]


def overlap(a: Placement, b: Placement) -> float:
    left, right = ({item.id for item in p.products} for p in (a, b))
    return len(left & right) / len(left | right) if left and right else 0.0


@settings(max_examples=60, deadline=None)
@given(pages())
def test_no_two_that_are_kept_are_too_alike(page: list[Placement]) -> None:
    stay = kept(page)
    assert all(overlap(a, b) < 0.5 for i, a in enumerate(stay) for b in stay[:i])


@settings(max_examples=60, deadline=None)
@given(pages(), st.randoms(use_true_random=False))
def test_the_order_of_the_input_does_not_matter(page: list[Placement], shuffler: random.Random) -> None:
    shuffled = page.copy()
    shuffler.shuffle(shuffled)
    assert {p.id for p in kept(shuffled)} == {p.id for p in kept(page)}


@settings(max_examples=60, deadline=None)
@given(pages())
def test_the_first_stays_and_judging_what_is_kept_again_keeps_it(page: list[Placement]) -> None:
    stay = kept(page)
    assert stay[:1] == page[:1]
    assert kept(stay) == stay


async def test_the_calibrated_similarity_holds_for_its_embedder_and_for_no_other() -> None:
    recorded = json.loads((GUARDS_DIR / "duplicates_threshold.json").read_text("utf-8"))
    calibrated = guard("duplicates", theme_similarity=None)
    same = TableEmbedder(APART.vectors)
    same.name = recorded["model"]
    found = await run_guard(calibrated, [of(0)], context([of(0)], embedder=same))
    assert (found[0].outcome, found[0].threshold) == (Outcome.PASS, round(1 - recorded["threshold"], 4))
    [other] = await run_guard(calibrated, [of(0)], context([of(0)], embedder=APART))
    assert (other.outcome, other.action) == (Outcome.ERROR, Action.DROP)
    assert "calibrated for" in other.reasons[0]
