"""Examples for the judge: faults made on purpose, answers that follow from what is shown."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pytest

from agents.judge import page_messages, placement_messages
from state.catalog import Product
from state.shopper import AisleAffinity, ProductHistory, ShopperContext
from training.examples import DesignExample, JudgeExample, RelevanceExample
from training.judge_corruptions import HELD_OUT, PAGE_QUESTIONS, PLACEMENT_QUESTIONS, TRAINING, examples_of
from training.judge_material import Material

SHELVES = {
    "yogurt": "dairy",
    "milk": "dairy",
    "cheese": "dairy",
    "tea": "drinks",
    "coffee": "drinks",
    "juice": "drinks",
}
KINDS = ("plain", "vanilla", "berry", "lemon", "honey", "mint", "ginger", "cherry", "peach", "mango", "apple", "pear")
BUYS = {
    str(number): aisles
    for number, aisles in enumerate(
        [
            *(("yogurt", "tea"), ("milk", "coffee"), ("cheese", "juice"), ("yogurt", "milk"), ("tea", "coffee")),
            *(("cheese", "yogurt"), ("juice", "tea"), ("milk", "juice"), ("coffee", "cheese"), ("milk", "cheese")),
        ],
        start=1,
    )
}


class Shelves:
    def all_products(self) -> list[Product]:
        return [
            Product(id=f"{aisle}-{kind}", name=f"{kind} {aisle}".title(), aisle=aisle, department=department)
            for aisle, department in SHELVES.items()
            for kind in KINDS
        ]


class Regulars:
    def load(self, shopper_id: str, *, hold_out_last: bool = False) -> ShopperContext:
        bought = [product for product in Shelves().all_products() if product.aisle in BUYS[shopper_id]]
        return ShopperContext(
            shopper_id=shopper_id,
            order_count=9,
            products=[
                ProductHistory(
                    product_id=p.id, name=p.name, aisle=p.aisle, department=p.department,
                    order_count=3, orders_since_last=0,
                )
                for p in bought[::4]
            ],
            aisles=[AisleAffinity(aisle=a, department=SHELVES[a], share=0.5, lift=2) for a in BUYS[shopper_id]],
        )  # fmt: skip


def themes_of(shopper: str) -> list[dict[str, Any]]:
    shapes = [("replenish", KINDS[:6]), ("replenish", KINDS[6:]), ("explore", KINDS[3:9]), ("occasion", KINDS[2:8])]
    return [
        {
            "title": f"A week of {kinds[0]} {aisle} for {shopper}",
            "need": need,
            "rationale": "In most orders.",
            "concepts": [f"{kind} {aisle}" for kind in kinds[:4]],
        }
        for aisle in BUYS[shopper]
        for need, kinds in shapes
    ]


def made_of_pages() -> Material:
    designs = [DesignExample(shopper_id=one, persona="Regular", themes=themes_of(one)) for one in BUYS]
    labels = []
    for theme in (theme for design in designs for theme in design.themes):
        aisle = theme.concepts[0].split()[1]
        other = "tea" if SHELVES[aisle] == "dairy" else "milk"
        kinds = [concept.split()[0] for concept in theme.concepts] + list(KINDS[-4:])
        rows = {f"{aisle}-{kind}": 2 for kind in kinds} | {f"{other}-{kind}": 0 for kind in KINDS[:5]}
        about = {"theme_id": theme.id, **theme.model_dump(exclude={"id"})}
        labels += [RelevanceExample(**about, product_id=key, label=label) for key, label in rows.items()]
    return Material(designs, labels, Shelves(), Regulars())


@pytest.fixture(scope="module")
def material() -> Material:
    return made_of_pages()


def examples(material: Material, families: Any = TRAINING, **sizes: int) -> list[JudgeExample]:
    return examples_of(material, families, sizes.get("placements", 60), sizes.get("pages", 10), "7")


def said(rows: list[JudgeExample], question: str) -> Counter[str]:
    return Counter(getattr(row.answers, question).answer for row in rows)


@pytest.mark.parametrize("families", [TRAINING, HELD_OUT], ids=["training", "held out"])
def test_every_question_is_answered_no_in_half_of_the_examples(material: Material, families: Any) -> None:
    rows = examples(material, families)
    placements, pages = [r for r in rows if r.placement_id], [r for r in rows if r.placement_id is None]
    assert (len(placements), len(pages)) == (60, 10)
    for part, questions in ((placements, PLACEMENT_QUESTIONS), (pages, PAGE_QUESTIONS)):
        for question in questions:
            assert said(part, question) == {"yes": len(part) // 2, "no": len(part) // 2}, question


def test_the_same_seed_gives_the_same_examples_and_no_key_twice(material: Material) -> None:
    rows = examples(material)
    assert rows == examples(made_of_pages())
    assert len({row.key for row in rows}) == len(rows)
    assert rows != examples_of(material, TRAINING, 60, 10, "8")


def test_no_family_is_both_learned_from_and_measured_with() -> None:
    assert set(TRAINING) == set(HELD_OUT) == {*PLACEMENT_QUESTIONS, *PAGE_QUESTIONS}
    for question in TRAINING:
        assert not set(TRAINING[question]) & set(HELD_OUT[question])


def test_the_test_split_gets_the_held_out_families_by_default(
    material: Material, monkeypatch: pytest.MonkeyPatch
) -> None:
    from training import judge_corruptions

    monkeypatch.setattr(Material, "of_split", classmethod(lambda cls, *_: material))
    kinds = {"placements": 40, "pages": 0}
    for split, families in (("train", TRAINING), ("dev", TRAINING), ("test", HELD_OUT)):
        rows = judge_corruptions.judge_examples(split, Shelves(), Regulars(), **kinds)  # type: ignore[arg-type]
        assert rows == judge_corruptions.examples_of(material, families, 40, 0, f"7:{split}")


@pytest.mark.parametrize("families", [TRAINING, HELD_OUT], ids=["training", "held out"])
def test_answers_on_placements_follow_from_what_is_shown(material: Material, families: Any) -> None:
    for row in (row for row in examples(material, families) if row.placement_id):
        [placement], answers = row.placements, row.answers
        aisle = placement.concepts[0].split()[1]
        names = [re.sub(r",.*| \(.*", "", product.name) for product in placement.products]
        assert (answers.fits_shopper.answer == "yes") is (aisle in BUYS[row.shopper_id])
        assert (answers.enough_products.answer == "yes") is (len(set(names)) >= row.min_products)
        matching = bool(placement.products) and all(product.aisle == aisle for product in placement.products)
        assert (answers.products_match.answer == "yes") is matching
        assert (answers.title_on_brand.answer == "yes") is (placement.title == untouched(placement.id))


def untouched(theme_id: str) -> str:
    shopper, position = theme_id.split("-")
    return themes_of(shopper)[int(position)]["title"]


@pytest.mark.parametrize("families", [TRAINING, HELD_OUT], ids=["training", "held out"])
def test_answers_on_pages_follow_from_what_is_shown(material: Material, families: Any) -> None:
    for row in (row for row in examples(material, families) if row.placement_id is None):
        concepts = [tuple(placement.concepts) for placement in row.placements]
        strange = [c for c in concepts if c[0].split()[1] not in BUYS[row.shopper_id]]
        assert (row.answers.cohesive.answer == "no") is bool(strange)
        sources = [(placement.rationale, placement.need, placement.concepts) for placement in row.placements]
        if row.answers.diverse.answer == "no":
            assert len({tuple(c) for *_, c in sources}) < len(sources)
        needs = {placement.need for placement in row.placements}
        assert (row.answers.covers_needs.answer == "yes") is (len(needs) > 1)
        assert [placement.id for placement in row.placements] == [
            f"{row.shopper_id}-{place}" for place in range(len(row.placements))
        ]


def test_reasons_are_short_and_prompts_can_be_made_of_every_example(material: Material) -> None:
    for row in examples(material) + examples(material, HELD_OUT):
        reasons = [answer["reason"] for answer in row.answers.model_dump().values()]
        assert all(1 <= len(reason.split()) <= 9 for reason in reasons), reasons
        shopper = Regulars().load(row.shopper_id)
        if row.placement_id:
            messages = placement_messages(shopper, row.placements[0], row.min_products)
        else:
            messages = page_messages(shopper, row.placements)
        assert all(len(placement.products) <= 12 for placement in row.placements)
        assert row.placements[0].title in messages[0]["content"]


def test_fewer_examples_come_back_when_the_material_is_used_up(material: Material) -> None:
    rows = examples(material, placements=1000, pages=1000)
    assert len([row for row in rows if row.placement_id is None]) <= len(BUYS)
    assert len([row for row in rows if row.placement_id]) <= len(material.labelled)
