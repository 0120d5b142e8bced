"""Discovery and building of guards: each file of the drop-in folder ``guardrails/`` offers one guard."""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from graph.dropins import DropIns, content_digest
from graph.guard_runner import run_guard
from state.errors import SettingsError
from state.guard import Guard, is_registered
from state.verdict import Action

__all__ = ["build_guard", "build_guards", "discover_guards", "guards_version", "run_guard"]

GuardSettings = Mapping[str, Mapping[str, Any]]
"""Settings of guards by guard name."""

_LEVELS = ("placement", "page")


_PAGE_GUARDS = DropIns(
    base=Guard,  # type: ignore[type-abstract]
    is_marked=is_registered,
    mark="register_guard",
    setting="guards_dir",
    unchecked="pages",
)


def discover_guards(folder: Path) -> list[type[Guard]]:
    """Return the guards of ``folder`` in running order: placement level first, then ``order``, then name.

    Files unchanged since an earlier call give the same classes.

    Raises:
        GuardLoadError: the folder or one of its files cannot be used; the message names the file and the fix.
    """
    guards = _PAGE_GUARDS.discover(folder.expanduser().absolute())
    return sorted(guards, key=lambda guard: (_LEVELS.index(guard.level), guard.order, guard.name))


def build_guard(cls: type[Guard], base_config: Mapping[str, Any], override: Mapping[str, Any] | None = None) -> Guard:
    """Return the guard configured by ``base_config`` with ``override`` laid over it.

    Raises:
        SettingsError: a key is unknown or a value is wrong; the message lists each.
    """
    try:
        config = cls.Config(**{**base_config, **(override or {})})
    except ValidationError as error:
        lines = [f"  {'.'.join(map(str, e['loc'])) or 'config'}: {e['msg']}" for e in error.errors()]
        known = ", ".join(cls.Config.model_fields)
        raise SettingsError(
            f"settings of guard '{cls.name}' are wrong (it knows: {known}):\n" + "\n".join(lines)
        ) from None
    if config.on_error is Action.PRUNE:
        raise SettingsError(
            f"settings of guard '{cls.name}': on_error is keep, repair or drop; prune names no products"
        )
    return cls(config)


def build_guards(
    classes: Sequence[type[Guard]], base: GuardSettings, override: GuardSettings | None = None
) -> list[Guard]:
    """Return every guard of ``classes`` built from the settings under its name, in the same order.

    Raises:
        SettingsError: as :func:`build_guard`, or settings are given for a guard that does not exist.
    """
    override = override or {}
    names = [cls.name for cls in classes]
    unknown = sorted({*base, *override} - {*names})
    if unknown:
        raise SettingsError(f"settings for unknown guards: {', '.join(unknown)}. Known guards: {', '.join(names)}.")
    return [build_guard(cls, base.get(cls.name, {}), override.get(cls.name)) for cls in classes]


def guards_version(classes: Sequence[type[Guard]], base: GuardSettings, override: GuardSettings | None = None) -> str:
    """Return a digest that changes with any guard, its configuration, or the content of its folder's files.

    Rules and threshold files count; where the folder lies does not.
    """
    digest = hashlib.sha256()
    for guard in build_guards(classes, base, override):
        config = guard.config.model_dump(mode="json")
        digest.update(
            json.dumps([guard.name, guard.version, guard.level, guard.order, config], sort_keys=True).encode()
        )
    for folder in sorted({Path(inspect.getfile(cls)).parent for cls in classes}):
        digest.update(content_digest(folder).encode())
    return digest.hexdigest()[:12]
