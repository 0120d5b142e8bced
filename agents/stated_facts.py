"""What a page says of a shopper from facts alone: rationale and persona."""

from __future__ import annotations

from collections.abc import Mapping

from state.shopper import ShopperContext


def state_rationale(shopper: ShopperContext, bought: Mapping[str, int], beside: str | None = None) -> str:
    """Return why a theme is shown: what was ``bought`` (product name to number of orders), most telling first.

    With nothing bought it names the product that the theme stands ``beside``, or what the shopper buys from most.
    """
    if shopper.cold:
        return f"Popular in the shop: {' and '.join(bought)}." if bought else "Popular in the shop."
    if bought:
        (first, count), *others = bought.items()
        more = "".join(f", {name} in {count}" for name, count in others)
        return f"{first} in {count} of your {shopper.order_count} orders{more}."
    aisles = " and ".join(item.aisle for item in shopper.aisles[:2])
    near = beside or (f"what you buy from {aisles}" if aisles else "")
    return f"Something new beside {near}." if near else "Something new."


def state_persona(shopper: ShopperContext) -> str:
    """Return who shops here: the aisles bought from most, and preferences."""
    if shopper.cold:
        return "New shopper: nothing is known yet, so the page shows what is popular"
    aisles = ", ".join(item.aisle for item in shopper.aisles[:3])
    prefers = ", ".join(item.name for item in shopper.preferences[:3])
    return f"Buys most from {aisles}" + (f"; leans to {prefers}" if prefers else "")
