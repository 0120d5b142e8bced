"""Writes a list of labelled parts of a text as EBNF: every part stands in the text, in order, and no word twice.

Tagging a query this way needs few tokens, and what the tags stand on cannot be made up. The rules grow with the number
of words, not with that of their combinations: one says what may begin from a word on, one how a part goes on behind it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from engines.prefix_tree import choice_rule, quoted

_CLOSE = '"]"'


def span_list(words: Sequence[str], labels: Sequence[str], comma: str, add_rule: Callable[[str], str]) -> str:
    """Return an expression for a JSON list of strings, each a label and neighbouring ``words`` behind those before.

    ``add_rule`` takes a body and names its rule; ``comma`` stands between two strings. A word that occurs twice can be
    named at its first place only.
    """
    texts = [json.dumps(word, ensure_ascii=False)[1:-1] for word in words]
    goes_on: dict[int, str] = {}  # place -> rule of a part that has the word there, from that word's end
    for place in range(len(texts) - 1, -1, -1):
        more = f"{quoted(comma)} {_item(texts, labels, place + 1, goes_on, add_rule)}" if goes_on else ""
        ended = f"{_CLOSE} | {more}" if more else _CLOSE
        closed = f"{quoted(chr(34))} {add_rule(ended)}"
        next_word = f" | {quoted(' ' + texts[place + 1])} {goes_on[place + 1]}" if goes_on else ""
        goes_on[place] = add_rule(closed + next_word)
    return add_rule(f'"[]" | "[" {_item(texts, labels, 0, goes_on, add_rule)}') if texts else '"[]"'


def _item(
    texts: Sequence[str], labels: Sequence[str], place: int, goes_on: dict[int, str], add_rule: Callable[[str], str]
) -> str:
    """Return the rule of one string that stands on words from ``place`` on, and all that may follow it."""
    first: dict[str, str] = {}
    for at in range(len(texts) - 1, place - 1, -1):
        first[texts[at]] = goes_on[at]
    span = choice_rule([(text, first[text]) for text in dict.fromkeys(texts[place:])], add_rule)
    opened = choice_rule([(label, span) for label in labels], add_rule)
    return add_rule(f"{quoted(chr(34))} {opened}")
