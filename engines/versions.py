"""Which models are in force, told by what they hold: the same name over other weights is another version."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

from engines.installed import adapter_path, manifest_of
from engines.manifest import sha256_of
from state.errors import ModelsError, ModelsMissing
from state.settings import PAGE_ROLES, RoleSettings, Settings

_ADAPTER_CONFIG = "adapter_config.json"
_NOT_THERE = "not there"
SELECTOR_CARD = "run_card.json"
"""Of the keyword selector: it holds the digest of the model beside it."""


def content_digest(path: Path) -> str:
    """Return the SHA-256 of a file, read again only when its time or size changed.

    Raises:
        OSError: it cannot be read.
    """
    facts = path.stat()
    return _digest(path, facts.st_mtime_ns, facts.st_size)


def adapter_digest(adapter: str) -> str:
    """Return the SHA-256 of an adapter's weights (see :func:`engines.installed.adapter_path`).

    Raises:
        ModelsError: there is no such adapter, or it cannot be read.
    """
    path = adapter_path(adapter)
    try:
        return content_digest(path)
    except OSError as error:
        raise ModelsError(f"adapter {path} cannot be read ({error}). Restore it.") from error


def role_version(settings: Settings, role: RoleSettings) -> str:
    """Return a text that changes with the content of what answers ``role``: weights, adapter and how it is laid on.

    Of a model at an endpoint only the name can be told. What is not there has no content, and is no error: nothing can
    be made with it.
    """
    if role.engine != "embedded":
        return f"served {role.model}"
    parts = [f"{role.model} {_weights(settings, role.model)}"]
    if role.adapter:
        parts.append(f"{role.adapter} {adapter_version(role.adapter)}")
    return " ".join(parts)


def models_version(settings: Settings, scorer: str) -> str:
    """Return 12 hex digits over every model that has a part in a page: chat roles, embedder, scorer, selector.

    ``scorer`` is the scorer's name, which changes with its files. Takes microseconds once the adapters were read.
    """
    parts = [f"{role} {role_version(settings, settings.roles[role])}" for role in PAGE_ROLES]
    embedder = settings.embedder.model
    parts += [f"embedder {embedder} {_weights(settings, embedder)}", f"scorer {scorer}"]
    if settings.page.keywords_shown:
        parts.append(f"selector {selector_version(settings)}")
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


def selector_version(settings: Settings) -> str:
    """Return a text that changes with the content of what chooses the keywords shown to the writer."""
    if not isinstance(settings.keyword_selector, Path):
        return settings.keyword_selector
    try:
        return content_digest(settings.keyword_selector / SELECTOR_CARD)
    except OSError:
        return _NOT_THERE


def _weights(settings: Settings, name: str) -> str:
    try:
        return manifest_of(settings, name).digest
    except (ModelsMissing, ModelsError):
        return _NOT_THERE


def adapter_version(adapter: str) -> str:
    """Return a text that changes with an adapter's weights and with the file that says how strongly they count."""
    try:
        config = adapter_path(adapter).with_name(_ADAPTER_CONFIG)
        scale = content_digest(config)[:12] if config.is_file() else "plain"
        return f"{adapter_digest(adapter)} {scale}"
    except (ModelsError, OSError):
        return _NOT_THERE


@lru_cache(maxsize=64)
def _digest(path: Path, changed_ns: int, size: int) -> str:
    # Time and size are part of the key: a file that was written anew is read anew.
    return sha256_of(path)
