"""Of more themes than a page shows, those that are least alike."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from state.guard import Embedder
from state.placement import Theme
from state.relevance import theme_text


def most_distinct(embedder: Embedder, themes: Sequence[Theme], count: int) -> list[Theme]:
    """Return ``count`` of ``themes`` in their order, numbered anew.

    While there are too many, the later of the two most alike goes: alike is the cosine of titles with concepts, as for
    the duplicates guard, which still looks at what is left.
    """
    left = list(range(len(themes)))
    if len(left) > count:
        vectors = embedder.embed([theme_text(theme.title, theme.concepts) for theme in themes])
        alike = np.tril(vectors @ vectors.T, -1)
        while len(left) > count:
            inside = alike[np.ix_(left, left)]
            left.pop(int(inside.max(axis=1).argmax()))
    return [_at(themes[place], position) for position, place in enumerate(left)]


def _at(theme: Theme, position: int) -> Theme:
    shopper = theme.id.removesuffix(f"-{theme.position}")
    return theme.model_copy(update={"id": f"{shopper}-{position}", "position": position})
