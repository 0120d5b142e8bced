"""Discovery and building of guards: each file of the drop-in folder ``guardrails/`` offers one guard.

The folder is not a package (its name is the import name of the guardrails-ai library): its files are loaded by path.
Files that start with ``_`` are shared code, reached from guards by relative imports (``from ._name import ...``).
"""

from __future__ import annotations

import hashlib
import inspect
import json
import sys
import threading
from collections.abc import Mapping, Sequence
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from pydantic import ValidationError

from graph.guard_runner import run_guard
from state.errors import GuardLoadError, SettingsError
from state.guard import Guard, is_registered
from state.verdict import Action

__all__ = ["build_guard", "build_guards", "discover_guards", "guards_version", "run_guard"]

GuardSettings = Mapping[str, Mapping[str, Any]]
"""Settings of guards by guard name."""

_LEVELS = ("placement", "page")
_loading = threading.Lock()


class _SourceOnly(SourceFileLoader):
    """Loads from source alone: bytecode caches are keyed by whole seconds, and the folder may be read-only."""

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        code: CodeType = self.source_to_code(self.get_data(path), path)
        return code


def discover_guards(folder: Path) -> list[type[Guard]]:
    """Return the guards of ``folder`` in running order: placement level first, then ``order``, then name.

    Files unchanged since an earlier call give the same classes.

    Raises:
        GuardLoadError: the folder or one of its files cannot be used; the message names the file and the fix.
    """
    folder = folder.expanduser().absolute()
    files = _guard_files(folder)
    with _loading:
        package = _package_of(folder)
        guards = [_load_guard(file, package) for file in files]
    owners: dict[str, str] = {}
    for guard, file in zip(guards, files, strict=True):
        if guard.name in owners:
            raise GuardLoadError(
                f"{file}: guard name '{guard.name}' is taken by {owners[guard.name]}. Give one of them another name."
            )
        owners[guard.name] = file.name
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
        digest.update(_content_digest(folder).encode())
    return digest.hexdigest()[:12]


def _guard_files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise GuardLoadError(f"{folder} is not a folder. Set guards_dir to the folder of guard files.")
    if (folder / "__init__.py").exists():
        raise GuardLoadError(
            f"{folder} is a package (it has an __init__.py), not a drop-in folder of guards. Remove __init__.py, "
            "or set guards_dir to the project's guardrails/ folder ('import guardrails' is the guardrails-ai library)."
        )
    files = sorted(file for file in folder.glob("*.py") if not file.name.startswith("_"))
    if not files:
        raise GuardLoadError(f"{folder} holds no guard files: pages would go unchecked. Correct guards_dir.")
    return files


def _package_of(folder: Path) -> str:
    """Return the name of the synthetic package of ``folder`` as it is now, made on first use."""
    key = hashlib.sha256(f"{folder}\n{_content_digest(folder)}".encode()).hexdigest()[:10]
    name = f"shelfwise_guards_{key}"
    if name not in sys.modules:
        package = ModuleType(name, f"Guards of {folder}.")
        package.__path__ = [str(folder)]
        sys.modules[name] = package
    return name


def _load_guard(file: Path, package: str) -> type[Guard]:
    module = _load_module(file, f"{package}.{file.stem}")
    found = {value for value in vars(module).values() if is_registered(value) and value.__module__ == module.__name__}
    if len(found) != 1:
        names = ", ".join(sorted(cls.__name__ for cls in found)) or "none"
        raise GuardLoadError(
            f"{file}: a guard file holds exactly one class marked @register_guard, found {len(found)} ({names}). "
            "Split the file, or start its name with '_' if it is shared code."
        )
    guard = found.pop()
    if not issubclass(guard, Guard) or inspect.isabstract(guard):
        raise GuardLoadError(f"{file}: {guard.__name__} must subclass state.guard.Guard and define check().")
    return guard


def _load_module(file: Path, name: str) -> ModuleType:
    if name in sys.modules:
        return sys.modules[name]
    if not file.stem.isidentifier():
        raise GuardLoadError(f"{file}: rename it to letters, digits and underscores.")
    spec = spec_from_file_location(name, file, loader=_SourceOnly(name, str(file)))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise GuardLoadError(
            f"{file}: cannot be loaded: {type(error).__name__}: {error}. Correct the file, or start its name with '_'."
        ) from error
    return module


def _content_digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for file in sorted(folder.iterdir()):
        if file.is_file() and not file.name.startswith("."):
            digest.update(f"{file.name}\n".encode())
            digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()
