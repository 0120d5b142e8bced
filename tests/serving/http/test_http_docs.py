"""docs/http-api.md does what it shows: its curl lines run against the app, its tables match code and settings."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import httpx
import pytest
from support.http_app import small_page, small_site

from serving.http.app import create_app
from state.http import HttpSettings
from state.settings import Settings

ROOT = Path(__file__).resolve().parents[3]
DOC = (ROOT / "docs/http-api.md").read_text(encoding="utf-8")
CODE = "\n".join(file.read_text(encoding="utf-8") for file in (ROOT / "serving/http").glob("*.py"))


def commands() -> list[list[str]]:
    """Return the words of every curl line of the page."""
    blocks = re.findall(r"```bash\n(.*?)```", DOC, re.S)
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    return [shlex.split(line) for line in lines if line.strip()]


def as_request(words: list[str]) -> httpx.Request:
    """Return what curl would send."""
    assert words[0] == "curl"
    method, url, body, headers = "GET", "", None, {}
    rest = iter(words[1:])
    for word in rest:
        if word == "-X":
            method = next(rest)
        elif word == "-H":
            name, _, value = next(rest).partition(": ")
            headers[name] = value
        elif word == "-d":
            body = next(rest)
        elif word != "-N":
            url = word
    return httpx.Request(method, url, headers=headers, content=body)


@pytest.mark.parametrize("words", commands(), ids=lambda words: " ".join(words)[:80])
async def test_the_command_is_answered(tmp_path: Path, words: list[str]) -> None:
    async with small_site(tmp_path) as site, site.client(base_url="http://127.0.0.1:8000") as client:
        await site.store(small_page("7"))
        answer = await client.send(as_request(words))
    assert answer.is_success, answer.text


def test_the_page_has_commands_for_every_route() -> None:
    shown = " ".join(" ".join(words) for words in commands())
    paths = create_app(Settings()).openapi()["paths"]
    for path in paths:
        assert path.replace("{shopper_id}", "7") in shown, path


def test_every_kind_of_problem_is_listed_and_none_else() -> None:
    listed = set(re.findall(r"`([a-z-]+)`", DOC[DOC.index("| status | kinds |") :]))
    used = set(re.findall(r'Problem\(\s*\d+,\s*"([a-z-]+)"', CODE))
    used |= set(re.findall(r'problem_response\([^"]*\d+, "([a-z-]+)"', CODE))
    used |= set(re.findall(r'unavailable\([^)]*, \d+, "([a-z-]+)"', CODE))
    used |= {"not-found", "method-not-allowed", "store-down", "unavailable", "internal"}
    assert listed - {"bad-request"} == used


def test_every_setting_of_the_table_is_one_with_that_default() -> None:
    table = DOC[DOC.index("| setting (`[http]`)") : DOC.index("## Errors")]
    for names, defaults in re.findall(r"^\| (`[^|]+`) \| ([^|]*) \|", table, re.M):
        for name, shown in zip(re.findall(r"`(\w+)`", names), defaults.strip().split(", "), strict=True):
            default = HttpSettings.model_fields[name].get_default(call_default_factory=True)
            written = f"{default:g}" if isinstance(default, float) else str(default)
            assert shown == ("none" if default in (None, []) else written), name


def test_every_operation_says_what_it_does_and_how_it_fails() -> None:
    schema = create_app(Settings()).openapi()
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            assert operation["summary"], (method, path)
            assert "429" in operation["responses"], (method, path)
    assert "ProblemDetails" in schema["components"]["schemas"]
