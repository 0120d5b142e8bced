"""Compiles a JSON schema to a compact EBNF grammar: no whitespace, every string and list bounded.

The JSON-schema mode of the runtime lets a model write whitespace without end between two tokens; a small model does.
Here the separators are fixed, so each token goes into the answer, and an answer can only end in valid JSON.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

from engines.prefix_tree import Option, choice_rule, quoted
from engines.spans import span_list
from state.errors import EngineError

DEFAULT_MAX_LENGTH = 200
DEFAULT_MAX_ITEMS = 20
_MAX_LISTED_INTEGERS = 256

# Code points of a string: no quote, backslash, control, zero-width or direction-changing character, so nothing has
# to be escaped and what is counted is what is shown.
_WIDE = r"\u0250-\u200a\u2010-\u2027\u2030-\u205f\u2070-\ud7ff\uf900-\ufdff"
_FIRST = rf"[!#-\[\]-~\u00a1-\u024f{_WIDE}]"
_ANY = rf"[ !#-\[\]-~\u00a1-\u024f{_WIDE}]"
_LETTER = r"[a-zA-Z'\u00c0-\u024f]"
_BETWEEN = rf"[ !#-&(-@\[\]-`{{-~\u00a1-\u00bf{_WIDE}]"
_QUOTE = r'"\""'
_CLOSE = '"]"'
_EXACT_LENGTH = 12  # up to here characters are counted one by one, beyond it by words: a state costs 10 ms to compile
_CHARACTERS_PER_WORD = 6
_LAST_WORD = 12  # letters: a model that may not write another space would otherwise never end
_IGNORED = {"title", "description", "default", "examples", "type", "additionalProperties", "required", "$defs"}


def json_grammar(schema: dict[str, Any], *, spaced: bool = True) -> str:
    """Return the EBNF of the JSON documents on one line that ``schema`` allows; its start rule is ``root``.

    ``spaced`` puts one space behind each comma and colon, as models have read it most: an untuned small model then
    chooses better, for a fifth more tokens. Objects are written in property order, optional properties included.

    Honoured: object, array (``minItems``, ``maxItems``, ``uniqueItems`` of an enum, ``spansOf``: see
    :mod:`engines.spans`), string (``minLength``,
    ``maxLength``, ``enum``, ``const``), boolean, null, integer (``minimum``, ``maximum``), number, ``anyOf``, ``$ref``.
    A list without ``maxItems`` ends at 20 items. Items of a ``uniqueItems`` list come in the order of the enum: that
    keeps them distinct with few rules. A string longer than 12 may hold ``maxLength / 6`` characters other than
    letters, which ends it near its length; :func:`engines.fit.fit_lengths` cuts the few that are longer. Without
    ``maxLength`` it is 200.

    Raises:
        EngineError: the schema uses a keyword that the grammar cannot hold.
    """
    return _Compiler(schema, spaced).text()


class _Compiler:
    def __init__(self, schema: dict[str, Any], spaced: bool) -> None:
        self._comma, self._colon = (", ", ": ") if spaced else (",", ":")
        self._words = 0
        self._defs: dict[str, Any] = schema.get("$defs", {})
        self._rules: dict[str, str] = {}
        self._refs: dict[str, str] = {}
        self._rules["root"] = self._value(schema, "root")

    def text(self) -> str:
        return "".join(f"{name} ::= {body}\n" for name, body in self._rules.items())

    def _json(self, value: Any) -> str:
        return json.dumps(value, ensure_ascii=False, separators=(self._comma, self._colon))

    def _choice(self, options: Sequence[Option]) -> str:
        return choice_rule(options, lambda body: self._rule("choice", body))

    def _add(self, body: str) -> str:
        return self._rule("span", body)

    def _rule(self, hint: str, body: str) -> str:
        name = f"{hint}_{len(self._rules)}"
        self._rules[name] = body
        return name

    def _value(self, schema: dict[str, Any], place: str) -> str:
        """Return an expression for one value; ``place`` names it in errors."""
        if "$ref" in schema:
            return self._reference(schema["$ref"], place)
        if "const" in schema:
            return quoted(self._json(schema["const"]))
        if "enum" in schema:
            return self._choice([(self._json(option), "") for option in schema["enum"]])
        if "anyOf" in schema:
            return self._rule("any", _alternatives(self._value(option, place) for option in schema["anyOf"]))
        kind = schema.get("type")
        if kind == "object":
            return self._object(schema, place)
        if kind == "array":
            return self._array(schema, place)
        if kind == "string":
            return self._string(schema, place)
        if kind == "integer":
            return self._integer(schema, place)
        if kind == "number":
            _refuse_unknown(schema, set(), place)
            return '"-"? ("0" | [1-9] [0-9]{0,8}) ("." [0-9]{1,6})?'
        if kind == "boolean":
            return '("true" | "false")'
        if kind == "null":
            return '"null"'
        raise EngineError(f"the embedded engine cannot write {place}: type {kind!r} of the answer schema is not known.")

    def _reference(self, reference: str, place: str) -> str:
        target = reference.removeprefix("#/$defs/")
        if target not in self._defs:
            raise EngineError(f"the embedded engine cannot write {place}: {reference} is not in the answer schema.")
        if target not in self._refs:
            name = f"def_{len(self._refs)}"
            self._refs[target] = name
            self._rules[name] = ""  # holds the place, for a definition that refers to itself
            self._rules[name] = self._value(self._defs[target], target)
        return self._refs[target]

    def _object(self, schema: dict[str, Any], place: str) -> str:
        _refuse_unknown(schema, {"properties"}, place)
        if isinstance(schema.get("additionalProperties"), dict):
            raise EngineError(f"the embedded engine cannot write {place}: free keys are not bounded; name them.")
        parts: list[str] = []
        for number, (name, member) in enumerate(schema.get("properties", {}).items()):
            opening = ("{" if number == 0 else self._comma) + json.dumps(name) + self._colon
            parts += [quoted(opening), self._value(member, f"{place}.{name}")]
        return " ".join([*parts, '"}"']) if parts else '"{}"'

    def _array(self, schema: dict[str, Any], place: str) -> str:
        _refuse_unknown(schema, {"items", "minItems", "maxItems", "uniqueItems", "spansOf"}, place)
        least = schema.get("minItems", 0)
        most = schema.get("maxItems", max(DEFAULT_MAX_ITEMS, least))
        items = schema.get("items", {})
        if least > most:
            raise EngineError(f"the embedded engine cannot write {place}: minItems is more than maxItems.")
        if most == 0:
            return '"[]"'
        if "spansOf" in schema:
            return span_list(schema["spansOf"]["words"], schema["spansOf"]["labels"], self._comma, self._add)
        options = self._options(items)
        if schema.get("uniqueItems") and options:
            return self._distinct(options, min(least, len(options)), min(most, len(options)))
        item = self._rule("item", self._value(items, f"{place}[]"))
        rest = "" if most == 1 else f" ({quoted(self._comma)} {item}){{{max(least - 1, 0)},{most - 1}}}"
        filled = f'"[" {item}{rest} "]"'
        return filled if least else self._rule("list", f'"[]" | {filled}')

    def _string(self, schema: dict[str, Any], place: str) -> str:
        _refuse_unknown(schema, {"minLength", "maxLength"}, place)
        least = schema.get("minLength", 0)
        most = schema.get("maxLength", max(DEFAULT_MAX_LENGTH, least))
        if least > most:
            raise EngineError(f"the embedded engine cannot write {place}: minLength is more than maxLength.")
        if most == 0:
            return quoted('""')
        head = _FIRST + (f" {_ANY}{{{least - 1}}}" if least > 1 else "")
        if most <= _EXACT_LENGTH:
            tail = f"{_ANY}{{0,{most - max(least, 1)}}} {_QUOTE}" if most > max(least, 1) else _QUOTE
        else:
            tail = self._tail((most - max(least, 1)) // _CHARACTERS_PER_WORD)
        return f"{_QUOTE} {head} {tail}" if least else f"{_QUOTE} ({_QUOTE} | {head} {tail})"

    def _tail(self, words: int) -> str:
        """Return the rule of a string's rest up to its closing quote; all strings of a grammar share its rules."""
        for budget in range(self._words, words + 1):
            word = f"{_QUOTE} | {_LETTER} tail_{budget} | {_BETWEEN} tail_{budget - 1}"
            self._rules[f"tail_{budget}"] = word if budget else f"{_LETTER}{{0,{_LAST_WORD}}} {_BETWEEN}? {_QUOTE}"
        self._words = max(self._words, words + 1)
        return f"tail_{words}"

    def _integer(self, schema: dict[str, Any], place: str) -> str:
        _refuse_unknown(schema, {"minimum", "maximum"}, place)
        low, high = schema.get("minimum"), schema.get("maximum")
        if low is None and high is None:
            return '("0" | "-"? [1-9] [0-9]{0,8})'
        if low is None or high is None or high - low > _MAX_LISTED_INTEGERS:
            if low == 0 and high is None:
                return '("0" | [1-9] [0-9]{0,8})'
            raise EngineError(f"the embedded engine cannot hold {place}: give integers both bounds, at most 256 apart.")
        return self._choice([(str(number), "") for number in range(int(low), int(high) + 1)])

    def _options(self, items: dict[str, Any]) -> list[Any]:
        if "$ref" in items:
            items = self._defs.get(items["$ref"].removeprefix("#/$defs/"), {})
        return list(items["enum"]) if "enum" in items else [items["const"]] if "const" in items else []

    def _distinct(self, options: list[Any], least: int, most: int) -> str:
        """Return a list of ``least`` to ``most`` different options, in the order of ``options``.

        The rule of (place, option) writes the item at that place: this option, or whatever the next option's rule
        writes. So 100 options in 8 places are 1,600 rules, where a prefix tree for each would be a million characters
        that overflow the grammar engine. Options too late for the rest of ``least`` to follow have no rule.
        """
        items = [quoted(self._json(option)) for option in options]
        following: dict[int, str] = {}  # option just written -> what comes after it
        first = ""
        for place in range(most, 0, -1):
            rules: dict[int, str] = {}
            for number in range(len(options) - 1 - max(least - place, 0), -1, -1):
                own = f"{items[number]} {following.get(number, _CLOSE)}"
                rules[number] = self._rule("pick", f"{own} | {rules[number + 1]}" if number + 1 in rules else own)
            ends = f"{_CLOSE} | " if place - 1 >= least else ""
            following = {
                number - 1: self._rule("next", f"{ends}{quoted(self._comma)} {rule}")
                for number, rule in rules.items()
                if number
            }
            first = rules[0]
        return self._rule("list", f'"[]" | "[" {first}' if least == 0 else f'"[" {first}')


def holds_text(text: str, schema: dict[str, Any]) -> bool:
    """Tell whether the grammar of a string ``schema`` can write ``text`` in full, within the schema's lengths."""
    least = schema.get("minLength", 0)
    most = schema.get("maxLength", max(DEFAULT_MAX_LENGTH, least))
    if not text or not re.fullmatch(f"{_FIRST}{_ANY}*", text):
        return not text and least == 0
    if not least <= len(text) <= most:
        return False
    budget = (most - max(least, 1)) // _CHARACTERS_PER_WORD
    tail = text[max(least, 1) :]
    between = [match.end() for match in re.finditer(_BETWEEN, tail)]
    if most <= _EXACT_LENGTH or len(between) < budget:
        return True
    # Behind the last sign that the budget allows come at most one word and one more sign.
    last = tail[between[budget - 1] if budget else 0 :]
    return re.fullmatch(rf"{_LETTER}{{0,{_LAST_WORD}}}{_BETWEEN}?", last) is not None


def _refuse_unknown(schema: dict[str, Any], honoured: set[str], place: str) -> None:
    unknown = sorted(set(schema) - honoured - _IGNORED)
    if unknown:
        raise EngineError(
            f"the embedded engine cannot hold {place} to {', '.join(unknown)} of the answer schema. "
            "Use minLength/maxLength, minItems/maxItems, enum, minimum/maximum, or check it after the answer."
        )


def _alternatives(expressions: Iterable[str]) -> str:
    return " | ".join(dict.fromkeys(expressions))
