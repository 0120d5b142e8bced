"""Renders the prompt files of ``agents/prompts`` into chat messages, untrusted text fenced."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from agents.fencing import fence
from state.llm import Message

PROMPTS_DIR = Path(__file__).resolve().parent / "prompts"
_laid_over: ContextVar[Path | None] = ContextVar("prompts_laid_over", default=None)


@contextmanager
def prompts_laid_over(folder: Path | None) -> Iterator[None]:
    """Take prompt files from ``folder`` where it has them, in this task and those it starts; None changes nothing.

    For runs that compare prompts (:mod:`evaluation.runs.configuration` checks the folder). The judge's own prompt is
    not read from it: what judges stays the same.
    """
    token = _laid_over.set(folder)
    try:
        yield
    finally:
        _laid_over.reset(token)


@lru_cache(maxsize=8)
def _environment(folder: Path | None) -> Environment:
    # Not HTML: autoescape would corrupt product names. Untrusted values go through the fence filter instead.
    environment = Environment(  # noqa: S701
        loader=FileSystemLoader(_folders(folder)),
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
    folder = _laid_over.get()
    environment = _environment(folder)
    system = environment.get_template(f"{name}.system.jinja").render(**values)
    user = environment.get_template(f"{name}.user.jinja")
    messages = [Message(role="system", content=system.strip())]
    for example in _examples(name, folder):
        answer = json.dumps(example["answer"], ensure_ascii=False, separators=(",", ":"))
        messages.append(Message(role="user", content=user.render(**example["given"]).strip()))
        messages.append(Message(role="assistant", content=answer))
    return [*messages, Message(role="user", content=user.render(**values).strip())]


def _folders(folder: Path | None) -> list[Path]:
    return [PROMPTS_DIR] if folder is None else [folder, PROMPTS_DIR]


@lru_cache(maxsize=32)
def _examples(name: str, folder: Path | None) -> list[dict[str, Any]]:
    for place in _folders(folder):
        path = place / f"{name}.examples.yaml"
        if path.is_file():
            return list(yaml.safe_load(path.read_text(encoding="utf-8")))
    return []


def prompts_version(part: str = "") -> str:
    """Return a short digest of every prompt file in force, examples included: part of a page's versions.

    ``part`` names a folder of prompts ("intent"); the prompts of pages lie in none.
    """
    return _version(_laid_over.get(), part)


@lru_cache(maxsize=8)
def _version(folder: Path | None, part: str) -> str:
    places = [place / part for place in reversed(_folders(folder)) if (place / part).is_dir()]
    files = {path.name: path for place in places for path in prompt_files(place)}
    digest = hashlib.sha256()
    for name, path in sorted(files.items()):
        digest.update(name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def prompt_files(folder: Path) -> list[Path]:
    """Return the prompt files of ``folder``, by name."""
    return sorted(path for path in folder.iterdir() if path.suffix in (".jinja", ".yaml"))
