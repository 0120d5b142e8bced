"""One placement for the judge, with the faults asked for and the answers that follow from them."""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping, Sequence
from typing import Literal

from catalog.surface import stems
from state.answers_judge import PlacementAnswers, YesNo
from state.catalog import Product
from state.placement import PlacedProduct
from training.examples import JudgeExample
from training.judge_material import Material, ShownTheme
from training.judge_titles import JudgedTitle, faulty_title

MIN_PRODUCTS = 3
MOST = 12
_PACKS = ("", ", 2 Pack", ", Family Size", ", Value Pack", ", 6 Count", " (Large)", ", Single", ", 12 Count")


def placement_example(
    material: Material, theme: ShownTheme, faults: Mapping[str, str], chance: random.Random
) -> JudgeExample | None:
    """Return the theme as a placement with ``faults`` (question to family), None where it cannot have them."""
    if len(theme.fitting) < MIN_PRODUCTS + 1:
        return None
    titled = _title(theme, faults.get("title_on_brand"), chance)
    fit = _fit(material, theme, faults.get("fits_shopper"), chance)
    if titled is None or fit is None:
        return None
    title, shopper_id, fits = titled, *fit
    chosen = _products(material, theme, title.covers, faults.get("products_match"), chance)
    if len(chosen) < MIN_PRODUCTS + 1:
        return None
    shown, enough = _amount(chosen, faults.get("enough_products"), chance)
    match = _match(len(shown), "products_match" not in faults)
    placement = theme.label.as_placement().model_copy(
        update={"title": title.text, "products": [placed(p) for p in shown]}
    )
    return JudgeExample(
        shopper_id=shopper_id,
        placement_id=placement.id,
        placements=[placement],
        min_products=MIN_PRODUCTS,
        answers=PlacementAnswers(
            title_on_brand=answer(title.why, "title_on_brand" not in faults),
            fits_shopper=fits,
            enough_products=enough,
            products_match=match,
        ),
    )


def answer(reason: str, yes: bool) -> YesNo:
    """Return an answer with its reason."""
    said: Literal["yes", "no"] = "yes" if yes else "no"
    return YesNo(reason=reason, answer=said)


def placed(product: Product) -> PlacedProduct:
    """Return the product as it stands in a placement; the score is not shown to the judge."""
    return PlacedProduct(**product.model_dump(exclude={"available"}), score=0.5)


def _foreign_shopper(material: Material, theme: ShownTheme, chance: random.Random, *, department: bool) -> str | None:
    """Return a shopper who buys nothing of the theme, None if everybody does."""
    others = sorted(material.pages)
    for shopper_id in chance.sample(others, len(others)):
        # A concept's words may stand in names of other shelves: that would be evidence.
        strange = material.never_buys(shopper_id, theme, department=department)
        if strange and material.evidence(shopper_id, theme) is None:
            return shopper_id
    return None


def _fit(material: Material, theme: ShownTheme, fault: str | None, chance: random.Random) -> tuple[str, YesNo] | None:
    if fault is None:
        evidence = material.evidence(theme.shopper_id, theme)
        return None if evidence is None else (theme.shopper_id, answer(evidence, True))
    stranger = _foreign_shopper(material, theme, chance, department=fault == "other_department")
    return None if stranger is None else (stranger, answer(f"buys nothing like {theme.shelf}", False))


def _title(theme: ShownTheme, fault: str | None, chance: random.Random) -> JudgedTitle | None:
    if fault is not None:
        return faulty_title(theme, fault, chance)
    said = {*stems(theme.label.title)}
    named = [concept for concept in theme.label.concepts if {*stems(concept)} & said]
    return JudgedTitle(theme.label.title, f"plain, names {named[0]}" if named else "plain and specific")


def _products(
    material: Material, theme: ShownTheme, covers: Collection[str] | None, fault: str | None, chance: random.Random
) -> list[Product]:
    """Return products that fit theme and title, or with ``fault`` products that do not."""
    if fault is None:
        return [product for product in theme.fitting if covers is None or product.id in covers]
    aisles = {product.aisle for product in theme.fitting}
    if fault == "refused":
        # A bare title takes in more than the theme: what stands on its shelves might match it.
        return [product for product in theme.rejected if covers is None or product.aisle not in aisles]
    if fault == "neighbour":
        page = [other for other in material.pages[theme.shopper_id] if other.label.id != theme.label.id]
        strange = [other for other in page if not aisles & {product.aisle for product in other.fitting}]
        return chance.choice(strange).fitting if strange else []
    start = chance.choice([product for product in material.products if product.aisle not in aisles])
    shelf = [product for product in material.products if product.aisle == start.aisle]
    return chance.sample(shelf, min(MOST, len(shelf)))


def _amount(products: Sequence[Product], fault: str | None, chance: random.Random) -> tuple[list[Product], YesNo]:
    if fault == "none_left":
        return [], answer("no product at all", False)
    if fault == "thin":
        count = chance.randint(1, MIN_PRODUCTS - 1)
        return chance.sample(products, count), answer(f"only {count} of {MIN_PRODUCTS} needed", False)
    if fault == "repeated":
        count = chance.randint(MIN_PRODUCTS, 8)
        return [chance.choice(products)] * count, answer(f"{count} times the same product", False)
    if fault == "pack_sizes":
        one, count = chance.choice(products), chance.randint(MIN_PRODUCTS, len(_PACKS))
        packs = [one.model_copy(update={"name": one.name + pack}) for pack in _PACKS[:count]]
        return packs, answer(f"{count} times the same product", False)
    count = chance.randint(MIN_PRODUCTS, min(MOST, len(products)))
    return chance.sample(products, count), answer(f"{count} different products, {MIN_PRODUCTS} needed", True)


def _match(count: int, fitting: bool) -> YesNo:
    if not count:
        return answer("there is nothing to match", False)
    return answer(f"{count if fitting else 0} of {count} match the title", fitting)
