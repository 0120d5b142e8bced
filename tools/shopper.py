"""The shopper context: what one shopper's orders say, ready for the page designer."""

from __future__ import annotations

import threading
import unicodedata
from collections import Counter, defaultdict
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from catalog.schema import MAX_ID_CHARS, NOT_SHELVES
from catalog.warehouse import Warehouse
from state.errors import CatalogError
from state.shopper import AisleAffinity, DayPart, Preference, ProductHistory, ShopperContext
from tools.preferences import PreferenceReader, load_rules
from tools.shopper_baseline import Baseline, compute_baseline

EVIDENCE = 3
# Control, format, private-use and surrogate characters, line and paragraph ends: the import refuses ids with them.
_NEVER_IN_IDS = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})
_ORDERS = """
    SELECT order_number, hour, day, stretch FROM orders
    WHERE shopper_id = $shopper AND NOT ($hold_out AND is_last) ORDER BY order_number"""
_LINES = """
    SELECT l.order_number, l.product_id, p.name, p.department, p.aisle
    FROM order_lines l JOIN products p USING (product_id)
    WHERE l.shopper_id = $shopper AND NOT ($hold_out AND l.is_last) ORDER BY l.order_number, l.position"""


class _Order(NamedTuple):
    """``day`` counts from the first order; days of two orders compare only within one ``stretch`` of dated orders."""

    number: int
    hour: int | None
    day: float
    stretch: int


class _Line(NamedTuple):
    order: int
    product_id: str
    name: str
    department: str
    aisle: str


class ShopperContextTool:
    """Loads shopper contexts of one catalogue version. Safe to share between threads."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self._reader = PreferenceReader(load_rules())
        self._baselines: dict[bool, Baseline] = {}
        self._lock = threading.Lock()

    def load(self, shopper_id: str, *, hold_out_last: bool = False) -> ShopperContext:
        """Return what the shopper's orders say; an unknown shopper gets what is popular, marked ``cold``.

        With ``hold_out_last`` every shopper's latest order is treated as if it were not there: it shows neither in
        the history nor in the shares of all shoppers. "Now" is the latest order seen: days count back from it.

        Raises:
            CatalogError: ``shopper_id`` is no id at all (over 128 characters, control characters, broken Unicode).
        """
        check_shopper_id(shopper_id)
        baseline = self._baseline(hold_out_last)
        params = {"shopper": shopper_id, "hold_out": hold_out_last}
        orders = [_Order(*row) for row in self._warehouse.rows(_ORDERS, params)]
        if not orders:
            return ShopperContext(
                shopper_id=shopper_id,
                cold=True,
                segment=baseline.segment,
                held_out=hold_out_last,
                products=list(baseline.popular),
                aisles=list(baseline.popular_aisles),
            )
        lines = [_Line(*row) for row in self._warehouse.rows(_LINES, params)]
        gaps = _dated_gaps(orders)
        return ShopperContext(
            shopper_id=shopper_id,
            held_out=hold_out_last,
            order_count=len(orders),
            basket_size=round(len(lines) / len(orders), 2),
            days_between_orders=round(median(gaps), 2) if gaps else None,
            day_part=_usual_day_part(orders),
            products=_histories(orders, lines),
            last_order=[line.name for line in lines if line.order == orders[-1].number],
            aisles=_affinities(lines, baseline),
            preferences=self._preferences(lines, baseline),
        )

    def _baseline(self, hold_out_last: bool) -> Baseline:
        with self._lock:
            if hold_out_last not in self._baselines:
                self._baselines[hold_out_last] = compute_baseline(
                    self._warehouse, self._reader, hold_out_last=hold_out_last
                )
            return self._baselines[hold_out_last]

    def _preferences(self, lines: list[_Line], baseline: Baseline) -> list[Preference]:
        """Return the preferences above their rule's bar, those with the highest lift first."""
        evidence: dict[str, Counter[str]] = defaultdict(Counter)
        for line in lines:
            for name in self._reader.shown_by(line.name, line.department, line.aisle):
                evidence[name][line.name] += 1
        found = []
        for name, products in evidence.items():
            rule = self._reader.rules[name]
            share = products.total() / len(lines)
            lift = share / baseline.preference_share[name]
            if products.total() >= rule.min_lines and share >= rule.min_share and lift >= rule.min_lift:
                top = sorted(products.items(), key=lambda item: (-item[1], item[0]))[:EVIDENCE]
                names = tuple(product for product, _ in top)
                found.append(Preference(name=name, share=round(share, 4), lift=round(lift, 2), evidence=names))
        return sorted(found, key=lambda preference: (-preference.lift, preference.name))


def check_shopper_id(shopper_id: str) -> None:
    """Make sure that ``shopper_id`` can be one.

    Raises:
        CatalogError: it is empty, over 128 characters long, or holds control or hidden characters.
    """
    if not shopper_id or len(shopper_id) > MAX_ID_CHARS:
        raise CatalogError(f"a shopper id has 1 to {MAX_ID_CHARS} characters, this one has {len(shopper_id)}.")
    if any(unicodedata.category(char) in _NEVER_IN_IDS for char in shopper_id):
        raise CatalogError("a shopper id may not hold control or hidden characters; check where it comes from.")


def _dated_gaps(orders: list[_Order]) -> list[float]:
    """Return the days between neighbouring orders, where the data dates both."""
    pairs = pairwise(orders)
    return [later.day - earlier.day for earlier, later in pairs if later.stretch == earlier.stretch]


def _usual_day_part(orders: list[_Order]) -> DayPart | None:
    """Return the part of day of most orders; of equals, the one used last."""
    parts = [_day_part(order.hour) for order in orders if order.hour is not None]
    counts = Counter(parts)
    latest = {part: place for place, part in enumerate(parts)}
    return max(counts, key=lambda part: (counts[part], latest[part]), default=None)


def _day_part(hour: int) -> DayPart:
    if 5 <= hour < 12:
        return DayPart.MORNING
    if 12 <= hour < 17:
        return DayPart.AFTERNOON
    return DayPart.EVENING if 17 <= hour < 22 else DayPart.NIGHT


def _histories(orders: list[_Order], lines: list[_Line]) -> list[ProductHistory]:
    """Return one history a product: most bought first, then most recent, then by id."""
    place = {order.number: index for index, order in enumerate(orders)}
    bought: dict[str, list[_Order]] = defaultdict(list)
    facts: dict[str, _Line] = {}
    for line in lines:
        bought[line.product_id].append(orders[place[line.order]])
        facts[line.product_id] = line
    histories = [_history(facts[product_id], times, orders, place) for product_id, times in bought.items()]
    return sorted(histories, key=lambda item: (-item.order_count, item.orders_since_last, item.product_id))


def _history(line: _Line, times: list[_Order], orders: list[_Order], place: dict[int, int]) -> ProductHistory:
    now, last = orders[-1], times[-1]
    days_since_last = now.day - last.day if now.stretch == last.stretch else None
    gaps = _dated_gaps(times)
    cadence = median(gaps) if len(gaps) >= 2 else None
    due = days_since_last / cadence if cadence and days_since_last is not None else None
    return ProductHistory(
        product_id=line.product_id,
        name=line.name,
        aisle=line.aisle,
        department=line.department,
        order_count=len(times),
        orders_since_last=len(orders) - 1 - place[last.number],
        days_since_last=days_since_last,
        cadence_days=cadence,
        due=None if due is None else round(due, 3),
    )


def _affinities(lines: list[_Line], baseline: Baseline) -> list[AisleAffinity]:
    """Return the shopper's aisles, largest share first; catch-all aisles count in the shares and are not listed."""
    counts = Counter((line.department, line.aisle) for line in lines)
    affinities = []
    for (department, aisle), count in counts.items():
        if {department.lower(), aisle.lower()} & set(NOT_SHELVES):
            continue
        share = count / len(lines)
        lift = round(share / baseline.aisle_share[aisle], 2)
        affinities.append(AisleAffinity(aisle=aisle, department=department, share=round(share, 4), lift=lift))
    return sorted(affinities, key=lambda item: (-item.share, item.aisle))
