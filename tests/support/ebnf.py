"""Reads the EBNF that ``engines.grammar`` writes: tells what it accepts and draws documents from it."""

from __future__ import annotations

import random
import re
import sys
from typing import Any

_TOKEN = re.compile(r'\s*("(?:\\.|[^"\\])*"|\[(?:\\.|[^\]\\])*\]|\{\d+(?:,\d+)?\}|[a-z]+(?:_\d+)?|[()|?*+])')
_UNICODE = re.compile(r"\\U([0-9a-f]{8})")


class Ebnf:
    def __init__(self, text: str) -> None:
        sys.setrecursionlimit(20_000)
        self.rules: dict[str, Any] = {}
        for line in text.splitlines():
            name, _, body = line.partition(" ::= ")
            tokens = _TOKEN.findall(body)
            node, rest = self._alternatives(tokens)
            assert not rest, (line, rest)
            self.rules[name] = node

    def accepts(self, document: str) -> bool:
        return len(document) in self._ends(self.rules["root"], document, 0, {})

    def draw(self, seed: int) -> str:
        return self._drawn(self.rules["root"], random.Random(seed))

    def _alternatives(self, tokens: list[str]) -> tuple[Any, list[str]]:
        options: list[Any] = []
        sequence: list[Any] = []
        while tokens and tokens[0] != ")":
            token, tokens = tokens[0], tokens[1:]
            if token == "|":
                options.append(("seq", sequence))
                sequence = []
                continue
            node, tokens = self._atom(token, tokens)
            if tokens and (tokens[0][0] in "?*+{"):
                quantifier, tokens = tokens[0], tokens[1:]
                low, high = {"?": (0, 1), "*": (0, 99), "+": (1, 99)}.get(quantifier) or self._bounds(quantifier)
                node = ("repeat", node, low, high)
            sequence.append(node)
        options.append(("seq", sequence))
        return (options[0] if len(options) == 1 else ("any", options)), tokens

    def _atom(self, token: str, tokens: list[str]) -> tuple[Any, list[str]]:
        if token == "(":
            node, rest = self._alternatives(tokens)
            assert rest[0] == ")"
            return node, rest[1:]
        if token[0] == '"':
            plain = _UNICODE.sub(lambda match: chr(int(match[1], 16)), token[1:-1])
            return ("text", re.sub(r"\\(.)", r"\1", plain)), tokens
        if token[0] == "[":
            return ("class", re.compile(token)), tokens
        return ("rule", token), tokens

    @staticmethod
    def _bounds(quantifier: str) -> tuple[int, int]:
        low, _, high = quantifier[1:-1].partition(",")
        return int(low), int(high or low)

    def _ends(self, node: Any, text: str, start: int, seen: dict[Any, set[int]]) -> set[int]:
        kind = node[0]
        if kind == "rule":
            key = (node[1], start)
            if key not in seen:
                seen[key] = self._ends(self.rules[node[1]], text, start, seen)
            return seen[key]
        if kind == "text":
            return {start + len(node[1])} if text.startswith(node[1], start) else set()
        if kind == "class":
            return {start + 1} if start < len(text) and node[1].fullmatch(text[start]) else set()
        if kind == "any":
            return set().union(*(self._ends(option, text, start, seen) for option in node[1]))
        if kind == "seq":
            ends = {start}
            for part in node[1]:
                ends = set().union(*(self._ends(part, text, end, seen) for end in ends))
            return ends
        _, inner, low, high = node
        ends, reached = {start}, set() if low else {start}
        for count in range(1, high + 1):
            ends = set().union(*(self._ends(inner, text, end, seen) for end in ends))
            reached |= ends if count >= low else set()
            if not ends:
                break
        return reached

    def _drawn(self, node: Any, chance: random.Random) -> str:
        kind = node[0]
        if kind == "rule":
            return self._drawn(self.rules[node[1]], chance)
        if kind == "text":
            return str(node[1])
        if kind == "class":
            return chance.choice([c for c in " azAZ09'&%,.-_é\u00e7\u4e2d" if node[1].fullmatch(c)])
        if kind == "any":
            return self._drawn(chance.choice(node[1]), chance)
        if kind == "seq":
            return "".join(self._drawn(part, chance) for part in node[1])
        _, inner, low, high = node
        return "".join(self._drawn(inner, chance) for _ in range(chance.randint(low, min(high, low + 6))))
