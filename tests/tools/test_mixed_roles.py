"""Two taggings mixed: what is likely to both, never a tag that cannot stand where it stands."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from itertools import product as combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from state.intent import Roles
from tools.mixed_roles import MixedRoles, best_path, follows, mix

TAGS = ("B-flavor", "B-product", "I-product", "O")
_NUMBER = st.floats(-6, 0)


class Table:
    """Gives the log probabilities of a table, whatever is asked."""

    def __init__(self, *words: Sequence[float]) -> None:
        self._table = np.log(np.array(words))

    def chances(self, words: Sequence[str], tags: Sequence[str] = ()) -> np.ndarray:
        return self._table[: len(words)]


def mixed(one: Table, other: Table, share: float) -> MixedRoles:
    return MixedRoles(other, one, TAGS, share)  # type: ignore[arg-type]


SURE = Table([0.97, 0.01, 0.01, 0.01], [0.01, 0.97, 0.01, 0.01])
UNSURE = Table([0.3, 0.4, 0.2, 0.1], [0.2, 0.2, 0.5, 0.1])


def test_the_surer_of_two_speaks_louder() -> None:
    roles, chance = mixed(SURE, UNSURE, 0.5).roles("Vanilla Yogurt")
    assert (roles.product, [(a.type, a.value) for a in roles.attributes]) == ("Yogurt", [("flavor", "Vanilla")])
    assert 0.5 < chance < 0.97**2


def test_the_share_decides_between_two_that_are_as_sure() -> None:
    other = Table([0.01, 0.97, 0.01, 0.01], [0.01, 0.01, 0.97, 0.01])
    assert mixed(SURE, other, 0.7).roles("vanilla yogurt")[0].product == "yogurt"
    assert mixed(SURE, other, 0.3).roles("vanilla yogurt")[0].product == "vanilla yogurt"


def test_a_query_without_words_has_no_roles() -> None:
    assert mixed(SURE, UNSURE, 0.5).roles("   ") == (Roles(), 1.0)


def test_a_mix_is_of_probabilities() -> None:
    found = mix(SURE.chances(["a", "b"]), UNSURE.chances(["a", "b"]), 0.3)
    assert np.exp(found).sum(axis=1) == pytest.approx([1.0, 1.0])
    assert mix(found, found, 0.3) == pytest.approx(found)


@given(st.lists(st.lists(_NUMBER, min_size=4, max_size=4), min_size=1, max_size=3))
@settings(deadline=None)
def test_the_path_is_the_best_of_all_that_are_allowed(table: list[list[float]]) -> None:
    chances, allowed = np.array(table), follows(TAGS)
    path, chance = best_path(chances, allowed)

    def fits(tags: Sequence[int]) -> bool:
        return allowed[-1, tags[0]] and all(allowed[a, b] for a, b in pairwise(tags))

    every = [tags for tags in combinations(range(len(TAGS)), repeat=len(table)) if fits(tags)]
    best = max(sum(chances[at, tag] for at, tag in enumerate(tags)) for tags in every)
    assert fits(path)
    assert np.log(chance) == pytest.approx(best)


def test_a_tag_goes_on_only_behind_its_own_kind() -> None:
    allowed = follows(TAGS)
    go_on = TAGS.index("I-product")
    assert [TAGS[at] for at in np.flatnonzero(allowed[:-1, go_on])] == ["B-product", "I-product"]
    assert not allowed[-1, go_on]
    assert allowed[:, [0, 1, 3]].all()
