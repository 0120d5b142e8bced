"""Two arms of a run compared: paired by shopper, with intervals, the deciding metrics first."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from evaluation.bootstrap import paired_difference
from evaluation.runs.metrics import DECIDING, METRICS, OF_THE_RUN
from evaluation.runs.report import Arm, Difference, Estimate
from state.errors import SettingsError


def compare_arms(first: Arm, second: Arm, deciding: Sequence[str] = DECIDING, *, seed: int = 0) -> list[Difference]:
    """Return ``second`` - ``first`` of every metric of a page, over the shoppers who have a page and a value in both.

    The deciding ones come first, in the order given. Equal pages give a difference and an interval of exactly 0.
    """
    names = [*deciding, *(name for name in METRICS if name not in deciding)]
    both = [name for name in names if name in first.values and name in second.values]
    return [_difference(name, first.values[name], second.values[name], name in deciding, seed) for name in both]


def check_deciding(names: Sequence[str]) -> tuple[str, ...]:
    """Return ``names``, or the shipped ones where there are none.

    Raises:
        SettingsError: one is no metric of a page.
    """
    known = [name for name in METRICS if name not in OF_THE_RUN]
    unknown = sorted({*names} - {*known})
    if unknown:
        raise SettingsError(f"no metric of a page: {', '.join(unknown)}. They are: {', '.join(known)}.")
    return tuple(dict.fromkeys(names)) or DECIDING


def _difference(
    name: str, first: Mapping[str, float | None], second: Mapping[str, float | None], decides: bool, seed: int
) -> Difference:
    found = paired_difference(_known(first), _known(second), seed=seed)
    return Difference(metric=name, decides=decides, difference=Estimate.of(found), detected=found.excludes_zero)


def _known(values: Mapping[str, float | None]) -> dict[str, float]:
    return {key: math.nan if value is None else value for key, value in values.items()}
