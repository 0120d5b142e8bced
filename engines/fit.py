"""Cuts strings of a model's answer to the length that the schema allows, at the end of a word."""

from __future__ import annotations

import json
from typing import Any


def fit_lengths(answer: str, schema: dict[str, Any]) -> str:
    """Return the JSON text ``answer`` with strings cut to their ``maxLength`` and spaces at their end taken off.

    Text that is no JSON is returned unchanged: telling what is wrong with it is the validation's work.
    """
    try:
        value = json.loads(answer)
    except ValueError:
        return answer
    fitted = _fit(value, schema, schema.get("$defs", {}))
    return answer if fitted == value else json.dumps(fitted, ensure_ascii=False)


def _fit(value: Any, schema: dict[str, Any], defs: dict[str, Any]) -> Any:
    if "$ref" in schema:
        schema = defs.get(schema["$ref"].removeprefix("#/$defs/"), {})
    if isinstance(value, str) and "maxLength" in schema:
        return _cut(value, schema["maxLength"], schema.get("minLength", 0))
    if isinstance(value, list):
        return [_fit(item, schema.get("items", {}), defs) for item in value]
    if isinstance(value, dict):
        members = schema.get("properties", {})
        return {name: _fit(member, members.get(name, {}), defs) for name, member in value.items()}
    return value


def _cut(text: str, most: int, least: int) -> str:
    if len(text) <= most:
        return text.rstrip() if len(text.rstrip()) >= least else text
    whole_words = text[: most + 1].rpartition(" ")[0].rstrip(" ,;:-")
    return whole_words if len(whole_words) >= max(least, most // 2) else text[:most].rstrip()
