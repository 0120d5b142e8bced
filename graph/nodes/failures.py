"""What nodes do when a model does not answer: which failures are worth a retry, and what ends a placement."""

from __future__ import annotations

from langgraph.types import RetryPolicy

from state.errors import AnswerRejected, EngineError, ShelfwiseError
from state.placement import Placement
from state.verdict import Action, Outcome, Verdict


def is_transport_failure(error: Exception) -> bool:
    """Tell whether ``error`` is a transport failure that may pass; anything else is not tried again."""
    return isinstance(error, ShelfwiseError) and error.retryable


TRANSPORT_RETRY = RetryPolicy(
    initial_interval=0.2, backoff_factor=2.0, max_interval=5.0, max_attempts=3, retry_on=is_transport_failure
)


def is_model_failure(error: BaseException) -> bool:
    """Tell whether the model failed (unreachable, or its answers unusable), so that the page can do without it.

    Everything else, such as weights that were never fetched, is the operator's to mend and must surface.
    """
    return isinstance(error, (EngineError, AnswerRejected))


def ended_by(node: str, placement: Placement, reason: str) -> Placement:
    """Return ``placement`` with an ERROR verdict, signed by ``node``, that drops it."""
    verdict = Verdict(
        guard=node,
        placement_id=placement.id,
        outcome=Outcome.ERROR,
        action=Action.DROP,
        reasons=(reason,),
        attempt=max(placement.attempts, 1),
    )
    return placement.model_copy(update={"verdicts": [*placement.verdicts, verdict]})
