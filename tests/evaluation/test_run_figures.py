"""Figures of a run against examples worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from support.evaluation_shop import KnownPast
from support.fakes import placement, product
from support.sample_pages import sample_page
from support.small_shop import WordScorer

from agents.judge import prompt_version
from agents.judge_calibration import (
    AlignmentReport,
    Bounds,
    JudgeCalibration,
    JudgeRecord,
    QuestionAlignment,
    QuestionRecord,
)
from evaluation.runs.evidence import predictor
from evaluation.runs.judge_figures import LEVELS, Worth, judge_figures, trusts_of
from evaluation.runs.judging import JudgedPage, judged_shoppers
from evaluation.runs.metrics import DECIDING, METRICS, OF_THE_RUN, distinct_titles, pruned, survived
from evaluation.runs.relevance import histogram, page_relevance, product_scores
from evaluation.runs.themes import need_table, theme_table, worst_placements
from state.answers_judge import PageAnswers, PlacementAnswers, YesNo
from state.errors import ModelsError
from state.placement import Page
from state.usage import PhaseUsage
from state.verdict import Action, Outcome, Verdict

TRUSTS = trusts_of(JudgeCalibration(), "nobody")


def page(*rows: tuple[str, list[str]], shopper: str = "7", **changes: object) -> Page:
    """Return a page with a placement for each title and its product names; concepts are the title's words."""
    placements = [
        placement(
            title, id=f"{shopper}-{at}", position=at, concepts=title.split(), products=[product(name) for name in names]
        )
        for at, (title, names) in enumerate(rows)
    ]
    return sample_page(shopper, placements=placements, dropped=[], **changes)


def test_survived_is_the_share_of_designed_placements_on_the_page_and_nothing_after_a_fall_back() -> None:
    made = sample_page()
    assert survived(made) == 0.5
    assert survived(made.model_copy(update={"fallback": True})) == 0.0
    assert survived(made.model_copy(update={"placements": [], "dropped": []})) == 0.0


def test_a_title_counts_as_distinct_only_where_it_stands_once_in_the_run() -> None:
    pages = [
        page(("Tea time", []), ("Bread  day", []), shopper="1"),
        page(("tea TIME", []), ("Yogurt", []), shopper="2"),
        page(("Chips", []), ("chips", []), shopper="3"),
        page(shopper="4"),
    ]
    found = distinct_titles(pages)
    assert (found["1"], found["2"], found["3"]) == (0.5, 0.5, 0.0)
    assert math.isnan(found["4"])


def test_pruned_counts_what_the_relevance_guard_took_out_over_that_and_what_is_shown() -> None:
    out = Verdict(
        guard="relevance", placement_id="7-0", outcome=Outcome.FAIL, action=Action.PRUNE, reasons=("no",), pruned=("x",)
    )
    made = page(("Tea", ["green tea", "black tea", "mint tea"]))
    made.placements[0].verdicts.append(out)
    assert pruned(made) == 0.25
    assert math.isnan(pruned(page()))


def test_every_product_of_every_placement_is_scored_and_equal_pairs_once() -> None:
    asked: list[int] = []

    class Counting(WordScorer):
        def score(self, pairs):  # type: ignore[no-untyped-def]
            asked.append(len(pairs))
            return super().score(pairs)

    pages = [
        page(("Green tea", ["green tea", "rye bread", "black tea"]), shopper="1"),
        page(("Green tea", ["green tea"]), ("Bread", ["rye bread", "mint tea"]), shopper="2"),
    ]
    scores = product_scores(pages, Counting())
    assert {key: own.tolist() for key, own in scores.items()} == {
        ("1", "1-0"): [1, 0, 1],
        ("2", "2-0"): [1],
        ("2", "2-1"): [1, 0],
    }
    assert sum(asked) == 5
    first = page_relevance(pages[0], scores, 0.5)
    assert (first.mean, first.fitting, first.severe) == pytest.approx((2 / 3, 2 / 3, 1 / 3))
    assert histogram(scores) == [2, *[0] * 18, 4]
    assert math.isnan(page_relevance(page(), {}, 0.5).mean)


def test_a_scorer_that_gives_no_probabilities_is_an_error() -> None:
    class Wild(WordScorer):
        def score(self, pairs):  # type: ignore[no-untyped-def]
            return np.array([math.nan] * len(pairs))

    with pytest.raises(ModelsError, match="no probabilities"):
        product_scores([page(("Tea", ["tea"]))], Wild())


def test_worst_placements_come_in_the_documented_order() -> None:
    pages = [
        page(("Tea", ["tea", "tea b"]), ("Bread", ["bread", "salt"]), ("Yogurt", ["yogurt", "yogurt b"])),
    ]
    scores = product_scores(pages, WordScorer(0.125))
    against = [
        Verdict(guard="policy", placement_id="7-2", outcome=Outcome.FAIL, action=Action.DROP, reasons=("loud title",))
    ]
    worst = worst_placements(pages, scores, {"7": against}, {}, TRUSTS)
    assert [row.title for row in worst] == ["Yogurt", "Bread", "Tea"]
    assert worst[0].policy == ["loud title"]
    assert [(item.name, item.probability) for item in worst[1].products] == [("bread", 1.0), ("salt", 0.125)]
    assert worst[1].severe == 1
    assert [row.title for row in theme_table(pages, scores)] == ["Bread", "Tea", "Yogurt"]
    [need] = need_table(pages, scores)
    assert (need.placements, need.products, need.severe, need.mean) == (3, 6, 1, pytest.approx(5.125 / 6))


def record(low: float) -> QuestionRecord:
    return QuestionRecord(
        examples=60,
        unreadable=0,
        accuracy=0.6,
        kappa=low + 0.2,
        kappa_low=low,
        kappa_high=low + 0.4,
        leniency=0,
        false_no=0.1,
    )


def test_each_question_says_what_its_judge_is_worth() -> None:
    measured = {"fits_shopper": record(0.5), "products_match": record(0.1), "cohesive": record(-0.2)}
    judge = JudgeRecord(model="big", prompt=prompt_version(), questions=measured)
    found = trusts_of(JudgeCalibration(judges=[judge]), "big")
    assert found["fits_shopper"] == Worth("decides", 0.7, 0.5, 0.9, "made-up faults")
    assert found["products_match"].trust == "better than chance"
    assert found["cohesive"].trust == "no better than chance"
    assert found["diverse"] == Worth()
    assert set(trusts_of(JudgeCalibration(judges=[judge]), "other").values()) == {Worth()}


def test_people_count_before_made_up_faults() -> None:
    def aligned(question: str, low: float, decides: bool) -> QuestionAlignment:
        kappa = Bounds(estimate=low + 0.1, low=low, high=low + 0.2)
        return QuestionAlignment(
            question=question,
            items=60,
            unread=0,
            people_no=20,
            accuracy=kappa,
            kappa=kappa,
            leniency=0,
            caught=0.5,
            decides=decides,
        )

    people = AlignmentReport(
        judge="big",
        prompt=prompt_version(),
        people="ann, ben",
        questions=[aligned("title_on_brand", 0.5, True), aligned("fits_shopper", -0.1, False)],
    )
    judge = JudgeRecord(
        model="big",
        prompt=prompt_version(),
        questions={"fits_shopper": record(0.5), "diverse": record(0.5)},
        people=people,
    )
    found = trusts_of(JudgeCalibration(judges=[judge]), "big")
    assert found["title_on_brand"] == Worth("decides", 0.6, 0.5, 0.7, "people")
    assert found["fits_shopper"].trust == "no better than chance"
    assert found["diverse"] == Worth()


def test_judge_figures_count_yes_no_and_unreadable_by_question() -> None:
    def answers(kind, answer):  # type: ignore[no-untyped-def]
        return kind(**{name: YesNo(reason="r", answer=answer) for name in kind.model_fields})

    used = PhaseUsage(calls=3, tokens_in=10, tokens_out=5, cost_usd=0.25)
    judged = {
        key: JudgedPage(shopper_id=key, request="r", model="m", page=of_page, placements=rows, usage=used)
        for key, of_page, rows in (
            ("1", answers(PageAnswers, "yes"), {"1-0": answers(PlacementAnswers, "no"), "1-1": None}),
            ("2", None, {"2-0": answers(PlacementAnswers, "yes")}),
        )
    }
    found = judge_figures(judged, "m", TRUSTS, 1.0, 0)
    assert found is not None
    counts = {row.question: (row.yes, row.no, row.unreadable, row.yes_share.value) for row in found.questions}
    assert counts["cohesive"] == (1, 0, 1, 1.0)
    assert counts["products_match"] == (1, 1, 1, 0.5)
    assert (found.usage.calls, found.usage.cost_usd) == (6, 0.5)
    assert [row.level for row in found.questions] == [*["page"] * 3, *["placement"] * 2, *["product"] * 2]
    assert judge_figures({}, "m", TRUSTS, 1.0, 0) is None


def test_a_share_of_shoppers_is_judged_and_a_larger_share_holds_them() -> None:
    ids = [str(number) for number in range(40)]
    few, more = judged_shoppers(ids, 0.1), judged_shoppers(ids, 0.5)
    assert (len(few), len(more)) == (4, 20)
    assert set(few) < set(more)
    assert judged_shoppers(ids, 0) == []
    assert len(judged_shoppers(ids, 0.001)) == 1


def test_chances_are_those_of_the_placement_that_is_asked_about() -> None:
    made = page(("Tea", ["tea"]), ("Bread", ["bread", "rye"]))
    assert [list(predictor(KnownPast(), made)(row)) for row in made.placements] == [[0.25], [0.25, 0.25]]


def test_metrics_that_decide_are_metrics_of_a_page() -> None:
    assert set(DECIDING) <= METRICS.keys() - OF_THE_RUN
    assert LEVELS.keys() == {*PageAnswers.model_fields, *PlacementAnswers.model_fields}
