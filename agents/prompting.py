"""Renders the prompt files of ``agents/prompts`` into chat messages, untrusted text fenced."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from agents.fencing import fence
from state.llm import Message

PROMPTS_DIR = Path(__file__).resolve().parent / "prompts"


@lru_cache(maxsize=1)
def _environment() -> Environment:
    # Not HTML: autoescape would corrupt product names. Untrusted values go through the fence filter instead.
    environment = Environment(  # noqa: S701
        loader=FileSystemLoader(PROMPTS_DIR),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=False,
    )
    environment.filters["fence"] = fence
    return environment


def render(name: str, **values: Any) -> list[Message]:
    """Return the messages of prompt ``name``: ``<name>.system.jinja``, its examples if any, ``<name>.user.jinja``.

    ``<name>.examples.yaml`` is a list of ``{given, answer}``: each is shown as an earlier turn of the chat, ``given``
    through the same user template, so that the model sees the very form that it is asked in.

    Raises:
        jinja2.UndefinedError: the prompt uses a value that was not given.
    """
    environment = _environment()
    system = environment.get_template(f"{name}.system.jinja").render(**values)
    user = environment.get_template(f"{name}.user.jinja")
    messages = [Message(role="system", content=system.strip())]
    for example in _examples(name):
        answer = json.dumps(example["answer"], ensure_ascii=False, separators=(",", ":"))
        messages.append(Message(role="user", content=user.render(**example["given"]).strip()))
        messages.append(Message(role="assistant", content=answer))
    return [*messages, Message(role="user", content=user.render(**values).strip())]


@lru_cache(maxsize=16)
def _examples(name: str) -> list[dict[str, Any]]:
    path = PROMPTS_DIR / f"{name}.examples.yaml"
    return yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else []


@lru_cache(maxsize=1)
def prompts_version() -> str:
    """Return a short digest of every prompt file, examples included: part of a page's versions."""
    digest = hashlib.sha256()
    for path in sorted(path for path in PROMPTS_DIR.iterdir() if path.suffix in (".jinja", ".yaml")):
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
