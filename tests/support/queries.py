"""A query understander without models: it knows a spelling, a few words, and what cannot be read."""

from __future__ import annotations

from collections.abc import Sequence

from state.intent import Attribute, QueryIntent, Rewrites
from tools.query_text import clean_query

SPELLED = {"yogrt": "yogurt", "grek": "greek"}
MARKUP = "<img src=x onerror=alert(1)>"


async def small_understand(query: str, *, session: Sequence[str] = ()) -> QueryIntent:
    """Understand ``yogurt``, its misspelling, and ``greek`` as its flavor; ``markup`` gets rewrites of markup.

    What was typed before is a rewrite of what follows.
    """
    plain = clean_query(query)
    corrected = " ".join(SPELLED.get(word, word) for word in plain.split())
    words = corrected.split()
    known = "yogurt" in words
    rewrites = Rewrites(synonym=["yoghurt"], broader=["dairy"], substitute=["kefir"]) if known else Rewrites()
    return QueryIntent(
        query=query,
        corrected=corrected,
        product="yogurt" if known else None,
        attributes=[Attribute(type="flavor", value="greek")] if "greek" in words else [],
        categories=["dairy eggs > yogurt"] if known else [],
        rewrites=Rewrites(synonym=[MARKUP])
        if "markup" in words
        else rewrites.model_copy(update={"broader": [*rewrites.broader, *session]}),
        source="student",
        confidence=0.9,
        ms=1.0,
    )
