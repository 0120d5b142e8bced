"""What may be shown at all: in the catalogue, available now, and not age restricted for this shopper."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ranking.statistics import ShopStatistics
from state.catalog import Product
from state.placement import PlacedProduct
from state.ranking import LeftOutReason

Restricted = Callable[[PlacedProduct | Product], bool]
"""Tells whether a product is age restricted (:meth:`catalog.goods.RestrictedGoods.holds`)."""


@dataclass(frozen=True)
class Admission:
    """The three rules, each of which lets a product through only on a clear yes.

    ``availability`` maps product ids to whether they can be sold now: an id that it lacks is out, and so is one that
    the catalogue lacks, whatever the mapping says. Restriction goes by what the page says of the product and by what
    the catalogue says of it: either is enough.
    """

    shop: ShopStatistics
    availability: Mapping[str, bool]
    restricted: Restricted
    age_verified: bool = False

    def refuses(self, product: PlacedProduct) -> LeftOutReason | None:
        """Return why ``product`` is not shown, None if it is."""
        row = self.shop.row.get(product.id)
        if row is None:
            return LeftOutReason.UNKNOWN
        if self.availability.get(product.id) is not True:
            return LeftOutReason.UNAVAILABLE
        if self.age_verified is not True and self._restricted(product, row):
            return LeftOutReason.AGE_RESTRICTED
        return None

    def _restricted(self, product: PlacedProduct, row: int) -> bool:
        if self.restricted(product):
            return True
        return not self.shop.is_as_described(row, product) and self.restricted(self.shop.product(row))
