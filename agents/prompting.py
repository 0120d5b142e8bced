"""Renders the prompt files of ``agents/prompts`` into chat messages, untrusted text fenced."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any

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
    """Return the messages of prompt ``name``: ``<name>.system.jinja`` and ``<name>.user.jinja``.

    Raises:
        jinja2.UndefinedError: the prompt uses a value that was not given.
    """
    environment = _environment()
    return [
        Message(role="system", content=environment.get_template(f"{name}.system.jinja").render(**values).strip()),
        Message(role="user", content=environment.get_template(f"{name}.user.jinja").render(**values).strip()),
    ]


@lru_cache(maxsize=1)
def prompts_version() -> str:
    """Return a short digest of every prompt file: part of a page's versions."""
    digest = hashlib.sha256()
    for path in sorted(PROMPTS_DIR.glob("*.jinja")):
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
