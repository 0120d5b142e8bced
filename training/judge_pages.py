"""One page for the judge, with the faults asked for and the answers that follow from them."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from state.answers_judge import PageAnswers
from state.placement import Need, Placement
from training.examples import JudgeExample
from training.judge_material import Material, ShownTheme
from training.judge_placements import MIN_PRODUCTS, answer, placed

SHORTEST, LONGEST = 3, 6


def page_example(
    material: Material, shopper_id: str, faults: Mapping[str, str], chance: random.Random
) -> JudgeExample | None:
    """Return the shopper's page with ``faults`` (question to family), None where it cannot have them.

    Its length is drawn first and the same whatever the faults, so that it tells nothing.
    """
    length = chance.randint(SHORTEST, LONGEST)
    doubles = max(1, length // 3) if "diverse" in faults else 0
    distinct = length - doubles
    strangers = (distinct + 1) // 2 if "cohesive" in faults else 0
    need = _one_need(material, shopper_id, chance) if faults.get("covers_needs") == "one_need_only" else None
    own = [theme for theme in material.pages[shopper_id] if need in (None, theme.label.need)]
    own = chance.sample(own, min(len(own), distinct - strangers))
    themes = [*own, *_strangers(material, shopper_id, strangers, faults.get("cohesive"), need, chance)]
    if len(themes) < max(2, strangers + 1) or len(themes) - len(own) < strangers:
        return None
    shown = [_placement(theme, chance) for theme in themes]
    for theme in chance.sample(themes, min(doubles, len(themes))):
        shown.append(_again(theme, faults["diverse"], chance))
    chance.shuffle(shown)
    if faults.get("covers_needs") == "relabelled":
        need = chance.choice(list(Need))
        shown = [placement.model_copy(update={"need": need}) for placement in shown]
    elif "covers_needs" not in faults and len({placement.need for placement in shown}) < 2:
        return None
    numbered = [
        placement.model_copy(update={"id": f"{shopper_id}-{place}", "position": place})
        for place, placement in enumerate(shown)
    ]
    answers = _answers(shopper_id, shown, len(shown) - len(themes))
    return JudgeExample(shopper_id=shopper_id, placements=numbered, min_products=MIN_PRODUCTS, answers=answers)


def _answers(shopper_id: str, shown: Sequence[Placement], doubles: int) -> PageAnswers:
    total = len(shown)
    strange = sum(not placement.id.startswith(f"{shopper_id}-") for placement in shown)
    needs = list(dict.fromkeys(placement.need.value.replace("_", " ") for placement in shown))
    return PageAnswers(
        cohesive=answer(f"{strange} of {total} made for others" if strange else f"all {total} suit", not strange),
        diverse=answer(f"{doubles} of {total} repeated" if doubles else f"{total} different ideas", not doubles),
        covers_needs=answer(" and ".join(needs[:3]) if len(needs) > 1 else f"only {needs[0]}", len(needs) > 1),
    )


def _one_need(material: Material, shopper_id: str, chance: random.Random) -> Need:
    """Return a need that at least two themes of the page serve, any if there is none."""
    needs = [theme.label.need for theme in material.pages[shopper_id]]
    return chance.choice([need for need in Need if needs.count(need) >= 2] or list(Need))


def _strangers(
    material: Material, shopper_id: str, count: int, fault: str | None, need: Need | None, chance: random.Random
) -> list[ShownTheme]:
    """Return up to ``count`` themes of others that nothing in the shopper's history speaks for.

    ``mixed``: as many as there are of one other shopper, from shelves that this one never visits. ``patchwork``: one
    each of several, from departments that this one never visits.
    """
    patchwork = fault == "patchwork"
    strange: list[ShownTheme] = []
    others = [other for other in sorted(material.pages) if other != shopper_id]
    for other in chance.sample(others, len(others)):
        if len(strange) >= count:
            break
        found = [
            theme
            for theme in material.pages[other]
            if need in (None, theme.label.need)
            and material.never_buys(shopper_id, theme, department=patchwork)
            and material.evidence(shopper_id, theme) is None
        ]
        if patchwork or len(found) >= min(2, count):
            strange += found[:1] if patchwork else found
    return strange[:count]


def _again(theme: ShownTheme, fault: str, chance: random.Random) -> Placement:
    """Return the theme once more: ``copied`` under its title or nearly, ``reworded`` under two of its concepts."""
    title = theme.label.title
    if fault == "reworded":
        first, second, *_ = [*theme.label.concepts, "more"]
        title = f"{first} and {second}"
    else:
        title = chance.choice([title, f"More {title[:1].lower()}{title[1:]}", f"Again: {title}"])
    return _placement(theme, chance).model_copy(update={"title": f"{title[:1].upper()}{title[1:]}"})


def _placement(theme: ShownTheme, chance: random.Random) -> Placement:
    chosen = chance.sample(theme.fitting, chance.randint(min(MIN_PRODUCTS, len(theme.fitting)), len(theme.fitting)))
    return theme.label.as_placement().model_copy(update={"products": [placed(product) for product in chosen]})
