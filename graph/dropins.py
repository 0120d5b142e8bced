"""Drop-in folders: each file of one offers one class; they are loaded by path, from source.

The folders are not packages (``guardrails`` is the import name of the guardrails-ai library). Files that start with
``_`` are shared code, reached by relative imports: ``from ._name import ...``, from a subfolder ``from .._name ...``.
"""

from __future__ import annotations

import hashlib
import inspect
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import CodeType, ModuleType
from typing import Generic, TypeVar

from state.errors import GuardLoadError

Offered = TypeVar("Offered")
_loading = threading.Lock()


class _SourceOnly(SourceFileLoader):
    """Loads from source alone: bytecode caches are keyed by whole seconds, and the folder may be read-only."""

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        code: CodeType = self.source_to_code(self.get_data(path), path)
        return code


@dataclass(frozen=True)
class DropIns(Generic[Offered]):
    """What the files of a kind of folder offer: classes below ``base`` that ``is_marked`` by the ``mark`` decorator.

    ``setting`` names where the folder is set, ``unchecked`` what would go unchecked without its files.
    """

    base: type[Offered]
    is_marked: Callable[[object], bool]
    mark: str
    setting: str
    unchecked: str

    def discover(self, folder: Path, *, parent: Path | None = None) -> list[type[Offered]]:
        """Return the classes of ``folder`` in the order of its file names, each with a ``name`` of its own.

        Files unchanged since an earlier call give the same classes. ``parent`` is a folder whose shared code the files
        may import.

        Raises:
            GuardLoadError: the folder or one of its files cannot be used; the message names the file and the fix.
        """
        files = self._files(folder)
        with _loading:
            package = _package_of(folder, _package_of(parent) if parent else None)
            offered = [self._load(file, package) for file in files]
        owners: dict[str, str] = {}
        for cls, file in zip(offered, files, strict=True):
            name: str = cls.name  # type: ignore[attr-defined]
            if name in owners:
                raise GuardLoadError(
                    f"{file}: guard name '{name}' is taken by {owners[name]}. Give one of them another name."
                )
            owners[name] = file.name
        return offered

    def _files(self, folder: Path) -> list[Path]:
        if not folder.is_dir():
            raise GuardLoadError(f"{folder} is not a folder. Set {self.setting} to the folder of guard files.")
        if (folder / "__init__.py").exists():
            raise GuardLoadError(
                f"{folder} is a package (it has an __init__.py), not a drop-in folder of guards. Remove __init__.py, "
                f"or set {self.setting} to the project's guardrails/ folder ('import guardrails' is the guardrails-ai "
                "library)."
            )
        files = sorted(file for file in folder.glob("*.py") if not file.name.startswith("_"))
        if not files:
            raise GuardLoadError(
                f"{folder} holds no guard files: {self.unchecked} would go unchecked. Correct {self.setting}."
            )
        return files

    def _load(self, file: Path, package: str) -> type[Offered]:
        module = _load_module(file, f"{package}.{file.stem}")
        found = {v for v in vars(module).values() if self.is_marked(v) and v.__module__ == module.__name__}
        if len(found) != 1:
            names = ", ".join(sorted(cls.__name__ for cls in found)) or "none"
            raise GuardLoadError(
                f"{file}: a guard file holds exactly one class marked @{self.mark}, found {len(found)} ({names}). "
                "Split the file, or start its name with '_' if it is shared code."
            )
        cls = found.pop()
        if not issubclass(cls, self.base) or inspect.isabstract(cls):
            base = f"{self.base.__module__}.{self.base.__name__}"
            raise GuardLoadError(f"{file}: {cls.__name__} must subclass {base} and define check().")
        return cls


def content_digest(folder: Path) -> str:
    """Return a digest of the files of ``folder``, those of its subfolders left out."""
    digest = hashlib.sha256()
    for file in sorted(folder.iterdir()):
        if file.is_file() and not file.name.startswith("."):
            digest.update(f"{file.name}\n".encode())
            digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def _package_of(folder: Path, within: str | None = None) -> str:
    """Return the name of the synthetic package of ``folder`` as it is now, made on first use."""
    key = hashlib.sha256(f"{folder}\n{content_digest(folder)}".encode()).hexdigest()[:10]
    name = f"{within}.{folder.name}_{key}" if within else f"shelfwise_guards_{key}"
    if name not in sys.modules:
        package = ModuleType(name, f"Guards of {folder}.")
        package.__path__ = [str(folder)]
        sys.modules[name] = package
    return name


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
