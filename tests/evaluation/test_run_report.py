"""The report and the floor: what they hold, that hostile names stay text, that nothing outside is asked for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from support.browser import accessibility_faults, chromium, open_page
from support.evaluation_shop import KnownPast
from support.fakes import placement, product
from support.sample_pages import sample_page
from support.small_shop import WordEmbedder, WordScorer

from agents.judge_calibration import JudgeCalibration
from evaluation.runs.comparing import compare_arms
from evaluation.runs.configuration import Configuration
from evaluation.runs.floor import DEFAULT_FLOOR, broken, hold, read_floor
from evaluation.runs.judge_figures import trusts_of
from evaluation.runs.judging import JudgedPage
from evaluation.runs.making import Made
from evaluation.runs.measuring import Judgement, Yardstick, measure_arm
from evaluation.runs.rendering import render_report, write_reports
from evaluation.runs.report import Arm, Difference, Report
from evaluation.runs.showing import change, estimate
from state.answers_judge import PageAnswers, PlacementAnswers, YesNo
from state.errors import SettingsError, StoreError
from state.placement import Page
from state.settings import Settings
from state.usage import PhaseUsage

HOSTILE = '<script>alert("tea")</script>'


def made(titles: str) -> Made:
    """Return the pages of four shoppers, two placements each; a title holds the shopper unless told otherwise."""
    pages: dict[str, Page] = {}
    for number in range(4):
        rows = [
            placement(
                titles.format(word=word, shopper=number),
                id=f"{number}-{at}",
                position=at,
                concepts=[word],
                products=[product(f"{word} {name}", id=str(at * 3 + n + 1)) for n, name in enumerate(("a", "b", "c"))],
            )
            for at, word in enumerate(("tea", "bread"))
        ]
        pages[str(number)] = sample_page(str(number), placements=rows, dropped=[], seconds=float(10 + number))
    return Made(pages)


def judged(of: Made) -> dict[str, JudgedPage]:
    def answers(kind, answer):  # type: ignore[no-untyped-def]
        return kind(**{name: YesNo(reason=f"because {HOSTILE}", answer=answer) for name in kind.model_fields})

    return {
        key: JudgedPage(
            shopper_id=key,
            request="r",
            model="m",
            page=answers(PageAnswers, "yes"),
            placements={row.id: answers(PlacementAnswers, "no") for row in page.placements},
            usage=PhaseUsage(calls=3),
        )
        for key, page in of.pages.items()
    }


def arm(of: Made, name: str = "default") -> Arm:
    judgement = Judgement("m", judged(of), trusts_of(JudgeCalibration(), "m"), 1.0)
    yardstick = Yardstick(KnownPast(), WordEmbedder(), WordScorer())
    configuration = Configuration(name, Settings())
    return measure_arm(configuration, "d1", of, yardstick, {key: [] for key in of.pages}, judgement)


def report(*arms: Arm, floor: Path | None = None) -> Report:
    compared = len(arms) == 2
    return Report(
        made_at=datetime(2026, 3, 1, tzinfo=UTC),
        shoppers=["0", "1", "2", "3"],
        drawn="by hand",
        seed=0,
        arms=list(arms),
        settings_differences=[("page.design_mode", HOSTILE, "ideas")] if compared else [],
        differences=compare_arms(*arms) if compared else [],
        floor=hold(arms[-1], read_floor(floor), floor) if floor else None,
    )


def test_the_report_reads_back_as_what_was_written(tmp_path: Path) -> None:
    shown = report(arm(made("{word} for {shopper}")), floor=DEFAULT_FLOOR)
    write_reports(shown, tmp_path)
    assert Report.model_validate_json((tmp_path / "report.json").read_text()) == shown


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "report.json").mkdir()
    with pytest.raises(StoreError, match="cannot write"):
        write_reports(report(arm(made("{word}"))), tmp_path)


def test_hostile_titles_products_and_reasons_stay_text_and_nothing_outside_is_asked_for() -> None:
    hostile = made(HOSTILE + " {word}")
    for page in hostile.pages.values():
        page.placements[0].products[0].name = HOSTILE
        page.placements[0].rationale = HOSTILE
    failed = Made(hostile.pages, {"9": f"EngineError: {HOSTILE}"})
    shown = render_report(report(arm(failed, HOSTILE), arm(failed, HOSTILE), floor=DEFAULT_FLOOR))
    assert "<script" not in shown
    assert "&lt;script&gt;" in shown
    assert not re.search(r"(src|href)\s*=\s*[\"'](?!#)", shown)
    assert not re.search(r"url\(|@import|https?://", shown)
    assert "default-src 'none'" in shown


def test_the_floor_holds_on_good_pages_and_breaks_on_equal_titles() -> None:
    floor = read_floor(DEFAULT_FLOOR)
    assert hold(arm(made("{word} for {shopper}")), floor, DEFAULT_FLOOR).held
    result = hold(arm(made("{word}")), floor, DEFAULT_FLOOR)
    assert not result.held
    assert broken(result) == ["distinct_titles (titles that no other page has) is 0, the floor is at least 0.8"]


def test_a_metric_that_could_not_be_measured_breaks_the_floor() -> None:
    result = hold(arm(Made({})), read_floor(DEFAULT_FLOOR), DEFAULT_FLOOR)
    assert not any(line.held for line in result.lines)
    assert "could not be measured" in broken(result)[0]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[beauty]\nmin = 1", "no metric beauty"),
        ("[survived]\n", "give min, max or both"),
        ("[survived]\nleast = 1", "least"),
        ("", "it bounds nothing"),
        ("survived", "cannot be read"),
        ("[survived]\nmin = nan", "finite"),
    ],
)
def test_a_floor_that_cannot_be_held_is_refused(content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "floor.toml").write_text(content)
    with pytest.raises(SettingsError, match=message):
        read_floor(tmp_path / "floor.toml")


def test_differences_pair_shoppers_and_say_better_or_worse_by_the_metric() -> None:
    good, bad = arm(made("{word} for {shopper}")), arm(made("{word}"))
    found = {row.metric: row for row in compare_arms(good, bad)}
    titles = found["distinct_titles"]
    assert (titles.difference.value, titles.detected, titles.decides, titles.difference.n) == (-1, True, True, 4)
    assert change(titles) == "worse"
    assert change(found["relevance"]) == "none"
    assert [row.metric for row in compare_arms(good, bad, ["recall", "n2dcg"])][:2] == ["recall", "n2dcg"]


def test_shoppers_without_a_page_of_both_are_not_compared() -> None:
    first, second = made("{word} for {shopper}"), made("{word} for {shopper}")
    del second.pages["3"]
    rows: list[Difference] = compare_arms(arm(first), arm(second))
    assert {row.difference.n for row in rows} <= {0, 3}


def test_intervals_are_shown_in_the_unit_of_the_metric() -> None:
    found = arm(made("{word} for {shopper}")).figures
    assert estimate(found["survived"], "share") == "100.0 (100.0 to 100.0) %"
    assert estimate(found["seconds"], "seconds").endswith(") s")
    assert estimate(found["exposure_gini"], "number") == "0.750"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.mark.service
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_report_is_accessible_and_fits_a_phone(browser: Browser, scheme: str, tmp_path: Path) -> None:
    good, bad = arm(made("{word} for {shopper}")), arm(made(HOSTILE + "{word}"))
    write_reports(report(good, bad, floor=DEFAULT_FLOOR), tmp_path)
    asked: list[str] = []
    with open_page(browser, (tmp_path / "report.html").as_uri(), color_scheme=scheme) as page:
        page.on("request", lambda request: asked.append(request.url))
        for summary in page.locator("summary").all():
            if summary.is_visible():
                summary.click()
        assert accessibility_faults(page) == []
        page.set_viewport_size({"width": 360, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert asked == []
