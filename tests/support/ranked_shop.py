"""A shop of a dozen products and three shoppers, for ranking: as an imported warehouse, and pages over it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from catalog.importer import import_files
from catalog.warehouse import Warehouse
from ranking.protocol import Candidates, ProductScores
from ranking.shopper import ShopperFeatures
from state.placement import Need, Page, PlacedProduct, Placement, Versions
from state.settings import Settings

PRODUCTS = """product_id,name,aisle,department,price,available
1,Whole Milk,milk,dairy eggs,2.00,
2,Oat Milk,milk,dairy eggs,3.00,
3,Banana,fresh fruits,produce,0.25,
4,Gala Apple,fresh fruits,produce,0.75,
5,Rye Bread,bread,bakery,4.00,
6,Sold Out Bread,bread,bakery,4.00,no
7,Merlot,red wines,alcohol,12.00,
8,Craft Lager Beer,water seltzer sparkling water,beverages,9.00,
9,Root Beer,soft drinks,beverages,1.00,
10,Priceless Tea,tea,beverages,,
11,Never Bought,tea,beverages,2.50,
12,Marker,tea,beverages,3.50,
"""
Order = tuple[str, int, float | None, Sequence[int]]
"""Shopper, number of the order, days since the order before, products."""
ORDERS: list[Order] = [
    ("ann", 1, None, [1, 3]),
    ("ann", 2, 7, [1, 4]),
    ("ann", 3, 9, [3, 1]),
    ("ann", 4, 5, [1, 5]),
    ("bob", 1, None, [2, 3]),
    ("bob", 2, 10, [2]),
    ("bob", 3, 10, [2, 9]),
    ("eve", 1, None, [3]),
]
VERSIONS = Versions(catalog="c", taxonomy="t", corpus="k", prompts="p", models="m", guards="g", settings="s")


def open_shop(folder: Path, orders: Sequence[Order] = ORDERS, products: str = PRODUCTS) -> Warehouse:
    """Import products and orders below ``folder`` and open the warehouse."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "products.csv").write_text(products)
    lines = [
        f"{shopper}-{number},{shopper},{product},{number},{'' if gap is None else gap},9,{place}\n"
        for shopper, number, gap, basket in orders
        for place, product in enumerate(basket, start=1)
    ]
    header = "order_id,shopper_id,product_id,order_number,days_since_prior_order,hour,position\n"
    (folder / "orders.csv").write_text(header + "".join(lines))
    settings = Settings(home=folder / "home", threads=1)
    import_files(settings, folder / "products.csv", folder / "orders.csv")
    return Warehouse.open(settings)


def placed(product_id: int | str, name: str = "", aisle: str = "tea", department: str = "beverages") -> PlacedProduct:
    """Return a product in a placement."""
    return PlacedProduct(
        id=str(product_id), name=name or f"Product {product_id}", aisle=aisle, department=department, score=0.5
    )


def row(
    position: int, products: Sequence[int | str | PlacedProduct], *, title: str = "", need: Need = Need.EXPLORE
) -> Placement:
    """Return a placement of these products; each position has an aisle of its own unless products say otherwise."""
    return Placement(
        id=f"ann-{position}",
        position=position,
        title=title or f"Row{position}",
        need=need,
        rationale="because",
        concepts=[],
        products=[p if isinstance(p, PlacedProduct) else placed(p, aisle=f"aisle {position}") for p in products],
    )


def page(*placements: Placement) -> Page:
    """Return a page of these placements for ``ann``."""
    return Page(shopper_id="ann", persona="p", placements=list(placements), versions=VERSIONS)


class TableRanker:
    """Scores products from a table, 0.1 by default; remembers what it was asked."""

    def __init__(self, scores: Mapping[str, float] | None = None) -> None:
        self._scores = scores or {}
        self.asked: list[Candidates] = []

    def score(self, candidates: Candidates, shopper: ShopperFeatures, now: object = None) -> ProductScores:
        self.asked.append(candidates)
        return ProductScores(np.array([self._scores.get(p, 0.1) for p in candidates.product_ids]), "table", "1")
