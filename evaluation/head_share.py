"""What share of a query stream the head cache answers, if queries are as frequent as Zipf's law has it.

Assumption: ``distinct`` different queries are typed; the r-th most frequent one with a probability proportional to
``r ** -exponent`` (Zipf; web and shop query logs lie between 0.7 and 1.1). The first ``head`` ranks are the head, those
up to ``torso`` the torso, the others the tail. How frequent the cached queries are is not known without a log, so two
cases are given: they are the most frequent ones (the most that so many answers can do), or each stands somewhere in the
band that its label names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from state.intent import QueryKind

Placing = Literal["most frequent", "somewhere in their band"]
PLACINGS: tuple[Placing, ...] = get_args(Placing)
BANDS: tuple[QueryKind, ...] = get_args(QueryKind)


@dataclass(frozen=True)
class Stream:
    """The assumed query stream; ``length`` queries are drawn for each seed."""

    exponent: float = 1.0
    distinct: int = 100_000
    head: int = 5_000
    torso: int = 30_000
    length: int = 20_000

    def __post_init__(self) -> None:
        if not 0 < self.head < self.torso < self.distinct:
            raise ValueError("the ends of head, torso and all queries rise: 0 < head < torso < distinct.")
        if self.exponent < 0 or self.length < 1:
            raise ValueError("the exponent is 0 or more, and a stream has a query at least.")

    def frequencies(self) -> np.ndarray:
        """Return the probability of each rank ``[distinct]``, most frequent first."""
        weights = np.arange(1, self.distinct + 1, dtype=np.float64) ** -self.exponent
        return weights / weights.sum()

    def band_of(self, ranks: np.ndarray) -> np.ndarray:
        """Return 0 for ranks (from 0) in the head, 1 in the torso, 2 in the tail."""
        return np.searchsorted([self.head, self.torso], ranks, side="right")


@dataclass(frozen=True)
class Share:
    """The mean of a share over seeds, and the bounds of the middle 95 % of them."""

    mean: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Share:
        low, high = np.quantile(values, [0.025, 0.975])
        return cls(float(np.mean(values)), float(low), float(high))


@dataclass(frozen=True)
class HeadShare:
    """What the cache answers of the stream: all of it, and of each band. ``traffic`` is the band's share of queries.

    What is not ``hits`` goes to the student.
    """

    placing: Placing
    cached: int
    hits: Share
    traffic: Mapping[QueryKind, Share]
    hits_of: Mapping[QueryKind, Share]


def head_share(cached: Mapping[QueryKind, int], stream: Stream, placing: Placing, seeds: int = 20) -> HeadShare:
    """Return what share of ``stream`` is answered by ``cached`` queries (how many of each kind), over ``seeds``.

    Raises:
        ValueError: more queries of a kind are cached than its band has ranks.
    """
    sizes = dict(zip(BANDS, np.diff([0, stream.head, stream.torso, stream.distinct]).tolist(), strict=True))
    if placing != "most frequent" and any(cached.get(band, 0) > sizes[band] for band in BANDS):
        raise ValueError("more queries of a kind are cached than its band has: give larger bands.")
    cumulated = np.cumsum(stream.frequencies())
    total: list[float] = []
    traffic: dict[QueryKind, list[float]] = {band: [] for band in BANDS}
    hits: dict[QueryKind, list[float]] = {band: [] for band in BANDS}
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        known = _known_ranks(cached, stream, placing, rng)
        # Rounding may leave the last sum a hair under 1.
        drawn = np.minimum(np.searchsorted(cumulated, rng.random(stream.length)), stream.distinct - 1)
        hit, bands = known[drawn], stream.band_of(drawn)
        total.append(float(hit.mean()))
        for place, band in enumerate(BANDS):
            inside = bands == place
            traffic[band].append(float(inside.mean()))
            hits[band].append(float(hit[inside].mean()) if inside.any() else 0.0)
    return HeadShare(
        placing=placing,
        cached=sum(cached.values()),
        hits=Share.of(total),
        traffic={band: Share.of(values) for band, values in traffic.items()},
        hits_of={band: Share.of(values) for band, values in hits.items()},
    )


def _known_ranks(
    cached: Mapping[QueryKind, int], stream: Stream, placing: Placing, rng: np.random.Generator
) -> np.ndarray:
    """Return which ranks are cached, as booleans ``[distinct]``."""
    known = np.zeros(stream.distinct, dtype=bool)
    if placing == "most frequent":
        known[: sum(cached.values())] = True
        return known
    starts = (0, stream.head, stream.torso, stream.distinct)
    for place, band in enumerate(BANDS):
        ranks = np.arange(starts[place], starts[place + 1])
        known[rng.choice(ranks, size=cached.get(band, 0), replace=False)] = True
    return known
