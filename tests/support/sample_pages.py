"""Pages made by hand."""

from __future__ import annotations

from typing import Any

from state.placement import DroppedPlacement, Need, Page, PlacedProduct, Placement, Status, Versions
from state.verdict import Verdict

VERSIONS = Versions(catalog="c", taxonomy="t", corpus="k", prompts="p", models="m", guards="g", settings="s")


def sample_page(shopper_id: str = "7", title: str = "Fruit bowl favorites", **changes: Any) -> Page:
    """Return a page of one placement with three products, and one dropped placement."""
    placement = Placement(
        id=f"{shopper_id}-0",
        position=0,
        title=title,
        need=Need.REPLENISH,
        rationale="Buys fruit in most orders.",
        concepts=["banana", "apple"],
        keywords=["banana", "gala apple"],
        categories=["fresh fruits"],
        products=[
            PlacedProduct(
                id=str(n), name=f"Fruit {n}", aisle="fresh fruits", department="produce", price=1.5, score=0.9
            )
            for n in range(3)
        ],
        verdicts=[Verdict(guard="relevance", placement_id=f"{shopper_id}-0", outcome="pass", action="keep", score=0.8)],
        status=Status.KEPT,
        attempts=1,
        candidate_count=100,
    )
    dropped = DroppedPlacement(
        id=f"{shopper_id}-1", title="More fruit", need=Need.EXPLORE, guard="duplicates", reasons=["the same idea"]
    )
    page = Page(
        shopper_id=shopper_id, persona="Fruit lover", placements=[placement], dropped=[dropped], versions=VERSIONS
    )
    return page.model_copy(update=changes)
