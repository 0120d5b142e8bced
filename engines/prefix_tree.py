"""Writes a choice between texts as a prefix tree of EBNF rules.

A plain alternation of texts that share beginnings is not safe: the grammar engine merges states of its automaton, and
out of "gluten free brownie" and "organic breakfast" lets "gluten free breakfast" through (OpenVINO GenAI 2026.4;
benchmarks/vocabulary_lock.py counts it, tests/engines/test_vocabulary_lock.py holds that the tree does not). In a tree
no two branches of a rule begin with the same character, so there is nothing to merge wrongly.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from os.path import commonprefix

Option = tuple[str, str]
"""A text, and the expression that goes on after it (empty: nothing)."""


def choice_rule(options: Sequence[Option], add_rule: Callable[[str], str]) -> str:
    """Return the name of a rule that matches one of ``options``; ``add_rule`` takes a body and names its rule."""
    branches: dict[str, list[Option]] = {}
    for text, after in dict.fromkeys(options):
        branches.setdefault(text[:1], []).append((text, after))
    alternatives = [
        _branch(members, add_rule) if first else (members[0][1] or '""') for first, members in branches.items()
    ]
    return add_rule(" | ".join(alternatives))


def _branch(members: Sequence[Option], add_rule: Callable[[str], str]) -> str:
    shared = commonprefix([text for text, _ in members])  # noqa: RUF071 - of characters, not of paths
    if len(members) == 1:
        return f"{quoted(shared)} {members[0][1]}".strip()
    rest = [(text[len(shared) :], after) for text, after in members]
    return f"{quoted(shared)} {choice_rule(rest, add_rule)}"


def quoted(text: str) -> str:
    """Return ``text`` as EBNF strings.

    A string ends after each sign beyond ASCII: the grammar engine takes hex digits behind one for a part of it, and
    turns "fraîche" into other letters.
    """
    pieces = re.findall(r"[^\x80-\U0010ffff]*[\x80-\U0010ffff]|[^\x80-\U0010ffff]+", text)
    escaped = (piece.replace("\\", "\\\\").replace('"', '\\"') for piece in pieces)
    return " ".join(f'"{piece}"' for piece in escaped) or '""'
