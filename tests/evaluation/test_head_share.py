"""The share of a Zipf stream that a cache answers: against what can be worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from evaluation.head_share import Stream, head_share

SMALL = Stream(exponent=1.0, distinct=1000, head=10, torso=100, length=5000)


def test_a_cache_of_the_most_frequent_queries_answers_their_probability() -> None:
    found = head_share({"head": 10}, SMALL, "most frequent")
    exact = SMALL.frequencies()[:10].sum()
    assert found.hits.low <= exact <= found.hits.high
    assert found.hits_of["head"].mean == 1.0
    assert found.hits_of["tail"].mean == 0.0


def test_queries_somewhere_in_their_band_answer_their_share_of_it() -> None:
    found = head_share({"head": 5, "torso": 45, "tail": 450}, SMALL, "somewhere in their band", seeds=100)
    for band in ("head", "torso", "tail"):
        assert found.hits_of[band].mean == pytest.approx(0.5, abs=0.06)
    assert found.hits.mean == pytest.approx(0.5, abs=0.05)
    assert found.cached == 500


def test_shares_of_the_bands_add_up_and_seeds_repeat() -> None:
    found = head_share({"head": 3}, SMALL, "most frequent")
    assert sum(share.mean for share in found.traffic.values()) == pytest.approx(1)
    assert found == head_share({"head": 3}, SMALL, "most frequent")


def test_without_a_law_every_query_is_as_frequent() -> None:
    flat = Stream(exponent=0, distinct=1000, head=10, torso=100, length=5000)
    assert np.allclose(flat.frequencies(), 0.001)
    assert head_share({"head": 100}, flat, "most frequent").hits.mean == pytest.approx(0.1, abs=0.01)


def test_a_steeper_law_makes_the_same_cache_answer_more() -> None:
    shares = [
        head_share(
            {"head": 10}, Stream(exponent=exponent, distinct=1000, head=10, torso=100), "most frequent"
        ).hits.mean
        for exponent in (0.7, 1.0, 1.3)
    ]
    assert shares == sorted(shares)


def test_an_empty_cache_answers_nothing() -> None:
    assert head_share({}, SMALL, "somewhere in their band").hits.mean == 0


def test_assumptions_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="rise"):
        Stream(head=10, torso=10)
    with pytest.raises(ValueError, match="larger bands"):
        head_share({"head": 11}, SMALL, "somewhere in their band")
