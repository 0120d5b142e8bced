"""Pages of products that carry only what metrics read."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from support.sample_pages import sample_page

from state.placement import Need, Page, PlacedProduct, Placement


def build(*rows: str, **changes: object) -> Page:
    """Return a page with a placement per row: "a b c" are three products; "a:tea" puts a product in an aisle."""
    placements = [
        Placement(
            id=f"7-{at}",
            position=at,
            title=f"Theme {at}",
            need=Need.EXPLORE,
            rationale="",
            concepts=[],
            products=[
                PlacedProduct(id=key, name=key, aisle=aisle or "other", department="other", score=0.5)
                for key, _, aisle in (word.partition(":") for word in row.split())
            ],
        )
        for at, row in enumerate(rows)
    ]
    return sample_page(placements=placements, **changes)


@pytest.fixture
def page_of() -> Callable[..., Page]:
    return build
