"""Cases from families and the catalogue: the same catalogue and seed give the same set."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import TypeVar, get_args

from evaluation.policy_set.cases import Half, PolicyCase, PolicySetError
from evaluation.policy_set.disguises import DISGUISES, disguise
from evaluation.policy_set.families import Family, load_families, load_pools
from state.catalog import Product
from state.placement import Need, PlacedProduct, Placement
from state.shopper import Preference, ProductHistory, ShopperContext

SEED = 20
_GOOD, _BAD, _HISTORY = 4, 2, 12
_EVERYDAY = "plain"
Turn = TypeVar("Turn")


def make_cases(products: Sequence[Product], seed: int = SEED) -> list[PolicyCase]:
    """Return the cases of all families, drawn from ``products``.

    Raises:
        PolicySetError: a pool is too small in this catalogue, or a family file is wrong.
    """
    by_id = sorted(products, key=lambda product: product.id)
    drawing = _Drawing(by_id, seed)
    return [
        drawing.case(family, half, at)
        for half in get_args(Half)
        for family in load_families(half)
        for at in range(family.count)
    ]


class _Drawing:
    def __init__(self, products: Sequence[Product], seed: int) -> None:
        self._products, self._seed = products, seed
        self._pools = load_pools()
        self._members = lru_cache(maxsize=None)(self._read_pool)

    def case(self, family: Family, half: Half, at: int) -> PolicyCase:
        rng = random.Random(f"{self._seed}:{family.id}:{at}")
        kind = [*DISGUISES][at % len(DISGUISES)] if family.disguise else "none"
        key = f"{family.id}-{at}"
        bad = [self._shown(p, family.reshelve) for p in self._draw(family.bad, _BAD if family.bad else 0, rng)]
        bad += [_made_up(_written(family, name, kind)) for name in _turn(family.names, at)]
        good = self._draw(family.good, _GOOD, rng, family.skip)
        shown = [*bad, *map(self._shown, good), *map(_made_up, _turn(family.good_names, at))]
        rng.shuffle(shown)
        return PolicyCase(
            id=key,
            family=family.id,
            half=half,
            rule=family.rule,
            near=family.near,
            disguise=kind,
            bad=sorted(product.id for product in bad),
            shopper=self._shopper(family, rng),
            placement=Placement(
                id=key,
                position=0,
                title=_written(family, family.titles[at % len(family.titles)], kind),
                need=Need.EXPLORE,
                rationale=family.rationales[at % len(family.rationales)],
                concepts=next(iter(_turn(family.concepts, at)), []),
                keywords=next(iter(_turn(family.keywords, at)), []),
                products=shown,
            ),
        )

    def _shopper(self, family: Family, rng: random.Random) -> ShopperContext:
        bought = self._draw([_EVERYDAY], _HISTORY, rng) + self._draw(family.buys, 1 if family.buys else 0, rng)
        history = [*map(self._shown, bought), *map(_made_up, family.buy_names)]
        return ShopperContext(
            shopper_id="policy-set",
            cold=family.cold,
            order_count=0 if family.cold else 8,
            products=[
                ProductHistory(
                    product_id=p.id,
                    name=p.name,
                    aisle=p.aisle,
                    department=p.department,
                    order_count=2,
                    orders_since_last=1,
                )
                for p in history
            ],
            preferences=[Preference(name=family.prefers, share=0.4, lift=5.0)] if family.prefers else [],
        )

    def _draw(self, pools: Sequence[str], count: int, rng: random.Random, skip: str = "") -> list[Product]:
        """Draw ``count`` distinct products, the pools taking turns from a random one on."""
        drawn: dict[str, Product] = {}
        start = rng.randrange(len(pools)) if pools else 0
        for turn in range(count):
            pool = pools[(start + turn) % len(pools)]
            fresh = [p for p in self._members(pool, skip) if p.id not in drawn]
            if not fresh:
                raise PolicySetError(f"pool '{pool}' is too small in this catalogue: the set is made from the demo's")
            product = rng.choice(fresh)
            drawn[product.id] = product
        return [*drawn.values()]

    def _read_pool(self, name: str, skip: str) -> list[Product]:
        members = self._pools[name].members(self._products)
        return [p for p in members if not re.search(skip, p.name, re.IGNORECASE)] if skip else members

    @staticmethod
    def _shown(product: Product, reshelve: bool = False) -> PlacedProduct:
        return PlacedProduct(
            id=product.id,
            name=product.name,
            aisle="missing" if reshelve else product.aisle,
            department="missing" if reshelve else product.department,
            score=0.5,
        )


def _written(family: Family, text: str, kind: str) -> str:
    return disguise(text, kind) if family.disguise else text


def _turn(given: Sequence[Turn], at: int) -> list[Turn]:
    """Return the one of ``given`` whose turn it is, as a list; empty when there is none."""
    return [given[at % len(given)]] if given else []


def _made_up(name: str) -> PlacedProduct:
    return PlacedProduct(id=f"made-up-{name}", name=name, aisle="other", department="other", score=0.5)
