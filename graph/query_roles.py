"""The likelier of two taggings of a query: the model's, and the one found without it."""

from __future__ import annotations

import math

from state.intent import Roles
from state.intent_state import QueryProposal
from tools.query_confidence import UNTOLD, RoleSigns

_LEAST = 1e-9


def likelier(without_model: tuple[Roles, float], parsed: QueryProposal | None) -> tuple[Roles, RoleSigns]:
    """Return the roles to answer and what speaks for them.

    ``without_model`` comes with the probability of the whole tagging, ``parsed`` with the log probability of its text:
    the two are compared as they are, since each is a probability of all tags of the query. An engine that tells none
    is taken at its word.
    """
    other, chance = without_model
    logprob = math.log(max(chance, _LEAST))
    if parsed is None or parsed.roles is None:
        return other, RoleSigns(logprob, agree=False)
    agree = set(parsed.roles.spans()) == set(other.spans())
    if parsed.logprob is None:
        return parsed.roles, RoleSigns(UNTOLD, agree)
    if parsed.logprob >= logprob:
        return parsed.roles, RoleSigns(parsed.logprob, agree)
    return other, RoleSigns(logprob, agree)
