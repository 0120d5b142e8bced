"""A blind, stratified sample of pages and placements for people to annotate, and the files it is kept in."""

from __future__ import annotations

import hashlib
import random
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, Field, ValidationError

from state.annotation import Item, ItemKey, Level, ShownPlacement, ShownShopper
from state.errors import AnnotationError
from state.placement import Page, Placement
from state.shopper import ShopperContext
from state.verdict import Outcome

SHOWN_PRODUCTS, SHOWN_TRAITS = 12, 6
"""As many as the judge is shown."""
ModelT = TypeVar("ModelT", bound=BaseModel)
Stratum = Callable[[Page, Placement | None], str]


def default_stratum(page: Page, placement: Placement | None) -> str:
    """Return the stratum of a placement, or of the whole page: what it serves, and whether a guard spoke against it.

    Objections are rare and what the judge is needed for, so they get strata of their own. They stand in verdicts that
    did not take the placement off the page: advisory ones, and pruned products.
    """
    rows = page.placements if placement is None else [placement]
    doubted = any(verdict.outcome is not Outcome.PASS for row in rows for verdict in row.verdicts)
    what = (
        ("fallback" if page.fallback else "cold" if page.cold else "page")
        if placement is None
        else placement.need.value
    )
    return f"{what}, {'doubted' if doubted else 'clear'}"


def sample_items(
    pages: Mapping[str, Sequence[Page]],
    shopper: Callable[[str], ShopperContext],
    *,
    level: Level,
    size: int,
    seed: int = 0,
    stratum: Stratum = default_stratum,
) -> tuple[list[Item], list[ItemKey]]:
    """Return ``size`` items (or all there are) and their keys, drawn from ``pages`` (by the configuration of each).

    Strata are the configuration and ``stratum``; each gives the same number as long as it lasts, so that rare ones are
    seen at all, and ``ItemKey.weight`` undoes it. ``shopper`` returns what is known of one. The items come in
    random order with ids that tell nothing, and the same input and seed give the same items.
    """
    strata: dict[str, list[tuple[str, Page, Placement | None]]] = defaultdict(list)
    for source, made in pages.items():
        for page in made:
            for placement in [None] if level == "page" else page.placements:
                if page.placements:
                    strata[f"{source}: {stratum(page, placement)}"].append((source, page, placement))
    rng = random.Random(seed)
    shares = _shares({name: len(members) for name, members in strata.items()}, size)
    items, keys = [], []
    for name in sorted(strata):
        for source, page, placement in rng.sample(strata[name], shares[name]):
            item = _item(source, page, placement, shopper(page.shopper_id), seed)
            items.append(item)
            keys.append(
                ItemKey(
                    id=item.id,
                    shopper_id=page.shopper_id,
                    placement_id=placement.id if placement else None,
                    source=source,
                    stratum=name,
                    weight=len(strata[name]) / shares[name],
                )
            )
    order = rng.sample(range(len(items)), len(items))
    return [items[at] for at in order], [keys[at] for at in order]


def _shares(sizes: Mapping[str, int], size: int) -> dict[str, int]:
    """Deal ``size`` out to the strata, one at a time, until it or they run out."""
    shares = dict.fromkeys(sorted(sizes), 0)
    left = min(size, sum(sizes.values()))
    while left:
        for name in shares:
            if left and shares[name] < sizes[name]:
                shares[name] += 1
                left -= 1
    return shares


def _item(source: str, page: Page, placement: Placement | None, shopper: ShopperContext, seed: int) -> Item:
    what = placement.id if placement else "page"
    name = f"{seed}|{source}|{page.shopper_id}|{page.created_at.isoformat()}|{what}"
    return Item(
        id=hashlib.sha256(name.encode()).hexdigest()[:12],
        level="placement" if placement else "page",
        shopper=_shown_shopper(shopper, page.cold),
        placements=[_shown(row) for row in ([placement] if placement else page.placements)],
    )


def _shown_shopper(shopper: ShopperContext, cold: bool) -> ShownShopper:
    return ShownShopper(
        bought=[] if cold else [product.name for product in shopper.products[:SHOWN_PRODUCTS]],
        aisles=[affinity.aisle for affinity in shopper.aisles[:SHOWN_TRAITS]],
        preferences=[preference.name for preference in shopper.preferences[:SHOWN_TRAITS]],
    )


def _shown(placement: Placement) -> ShownPlacement:
    return ShownPlacement(
        title=placement.title,
        need=placement.need.value,
        rationale=placement.rationale,
        products=[product.name for product in placement.products[:SHOWN_PRODUCTS]],
    )


class ItemSource(BaseModel):
    """What an item was drawn from, whole: what the judge is asked about and products are scored by."""

    id: str
    shopper: ShopperContext
    placements: list[Placement] = Field(min_length=1)


def sources_of(
    keys: Sequence[ItemKey], pages: Mapping[str, Sequence[Page]], shopper: Callable[[str], ShopperContext]
) -> list[ItemSource]:
    """Return what the items of ``keys`` were drawn from; verdicts are left out."""
    by_key = {(source, page.shopper_id): page for source, made in pages.items() for page in made}
    found = []
    for key in keys:
        rows = by_key[key.source, key.shopper_id].placements
        shown = [row for row in rows if key.placement_id in (None, row.id)]
        context = shopper(key.shopper_id)
        seen = {"products": context.products[:SHOWN_PRODUCTS], "aisles": context.aisles[:SHOWN_TRAITS]}
        found.append(
            ItemSource(
                id=key.id,
                shopper=context.model_copy(update={**seen, "last_order": [], "picked": []}),
                placements=[row.model_copy(update={"verdicts": [], "feedback": []}) for row in shown],
            )
        )
    return found


def write_rows(path: Path, rows: Sequence[BaseModel]) -> None:
    """Write items or keys as JSON lines. Items and keys go into two files: annotators get the first.

    Raises:
        AnnotationError: the file is there already (answers refer to it), or cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.writelines(row.model_dump_json() + "\n" for row in rows)
    except FileExistsError:
        raise AnnotationError(f"{path} is there already, and answers may refer to it. Give another name.") from None
    except OSError as error:
        raise AnnotationError(f"cannot write {path}: {error.strerror}.") from error


def read_rows(path: Path, kind: type[ModelT]) -> list[ModelT]:
    """Return the items or keys of ``path``.

    Raises:
        AnnotationError: the file cannot be read, or a line is none.
    """
    try:
        return [kind.model_validate_json(line) for line in path.read_text("utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError, ValidationError) as error:
        reason = str(error).splitlines()[0][:120]
        raise AnnotationError(f"{path} holds no {kind.__name__} rows ({reason}). Draw the sample again.") from error
