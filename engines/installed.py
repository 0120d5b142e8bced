"""Where weights lie, and whether they are whole."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from engines.manifest import Kind, Manifest, damage, read_manifest
from engines.weights import KNOWN
from state.errors import ModelsError, ModelsMissing
from state.settings import PROJECT_ROOT, Settings

ADAPTERS_DIR = PROJECT_ROOT / "models"


def folder_of(settings: Settings, name: str) -> Path:
    """Return the folder of a model below ``<home>/models``; a hub id ``org/name`` becomes ``org--name``."""
    if not name or name.startswith((".", "/")) or "\\" in name:
        raise ModelsError(f"{name!r} is not a model name. Use a known name or a hub id such as 'org/name'.")
    return settings.models_dir / name.replace("/", "--")


def model_path(settings: Settings, name: str, *, kind: Kind | None = None) -> Path:
    """Return the folder of a fetched model, its files present and of the recorded size.

    Raises:
        ModelsMissing: it has not been fetched.
        ModelsError: files are missing or cut, or the model is of another kind than ``kind``.
    """
    folder, manifest = _installed(settings, name)
    fault = damage(folder, manifest, checksums=False)
    if fault:
        raise ModelsError(f"model '{name}' in {folder} is damaged: {fault}. Run 'shelfwise models fetch {name}'.")
    if kind and manifest.kind != kind:
        raise ModelsError(f"model '{name}' is of kind {manifest.kind}, not {kind}. Correct shelfwise.toml.")
    return folder


def plain_weights(settings: Settings, name: str) -> Path:
    """Return the folder of a chat model's plain weights (Hugging Face form), which fine-tuning and merging need.

    ``name`` may also be the path of a Hugging Face model folder.

    Raises:
        ModelsMissing: the model, or its plain weights, were not fetched.
        ModelsError: files are missing or cut.
    """
    given = Path(name).expanduser()
    if (given / "config.json").is_file() and list(given.glob("*.safetensors")):
        return given
    folder = model_path(settings, name, kind="chat") / "hf"
    if not (folder / "config.json").is_file():
        raise ModelsMissing(
            f"the plain weights of '{name}' were not kept. Run 'shelfwise models fetch {name} --keep-hf'."
        )
    return folder


def manifest_of(settings: Settings, name: str) -> Manifest:
    """Return the record of a fetched model.

    Raises:
        ModelsMissing: it has not been fetched.
        ModelsError: the record cannot be understood.
    """
    return _installed(settings, name)[1]


def _installed(settings: Settings, name: str) -> tuple[Path, Manifest]:
    folder = folder_of(settings, name)
    try:
        return folder, read_manifest(folder)
    except FileNotFoundError:
        raise ModelsMissing(f"no weights of '{name}' in {folder}. Run 'shelfwise models fetch {name}'.") from None


def used_models(settings: Settings) -> dict[str, Kind]:
    """Return the models that the settings call for in this process, each with its kind."""
    names: dict[str, Kind] = {role.model: "chat" for role in settings.roles.values() if role.engine == "embedded"}
    names[settings.embedder.model] = "embedder"
    return names


def used_adapters(settings: Settings) -> list[tuple[str, str]]:
    """Return the pairs of model and adapter that the settings call for in this process, each once."""
    roles = [role for role in settings.roles.values() if role.engine == "embedded"]
    return list(dict.fromkeys((role.model, role.adapter) for role in roles if role.adapter))


@dataclass(frozen=True)
class ModelState:
    """One line of the model list: ``fault`` says what is wrong when ``state`` is "damaged"."""

    name: str
    kind: Kind
    state: Literal["ready", "absent", "damaged"]
    used: bool
    source: str
    megabytes: int = 0
    fault: str | None = None


def list_models(settings: Settings) -> list[ModelState]:
    """Return every model that is known, used by the settings, or lies in the models folder; checksums are compared."""
    used = used_models(settings)
    names: dict[str, Kind] = {known.name: known.kind for known in KNOWN.values()} | used
    folders = sorted(settings.models_dir.glob("[!.]*/")) if settings.models_dir.is_dir() else []
    present = {folder_of(settings, name) for name in names}
    for folder in folders:
        if folder not in present:
            names[folder.name] = "chat"
    return [_state(settings, name, kind, name in used) for name, kind in names.items()]


def _state(settings: Settings, name: str, kind: Kind, used: bool) -> ModelState:
    known = KNOWN.get(name)
    origin = f"{known.package} {known.version}" if known else name
    try:
        folder, manifest = _installed(settings, name)
    except ModelsMissing:
        return ModelState(name, kind, "absent", used, origin, known.megabytes if known else 0)
    except ModelsError as error:
        return ModelState(name, kind, "damaged", used, origin, fault=str(error))
    fault = damage(folder, manifest)
    size = round(sum(record.size for record in manifest.files.values()) / 1e6)
    origin = " ".join(value for key, value in manifest.source.items() if key != "sha256")
    return ModelState(name, manifest.kind, "damaged" if fault else "ready", used, origin, size, fault)


def adapter_path(adapter: str) -> Path:
    """Return the safetensors file of a LoRA adapter: a path (file or folder), or a name in ``models/``.

    Raises:
        ModelsError: there is no such file.
    """
    for place in (Path(adapter).expanduser(), ADAPTERS_DIR / adapter):
        for path in (place, place / "adapter_model.safetensors"):
            if path.is_file():
                return path
    raise ModelsError(
        f"no adapter '{adapter}': neither a safetensors file (or a folder with adapter_model.safetensors) at that "
        f"path nor in {ADAPTERS_DIR}. Correct 'adapter' in shelfwise.toml."
    )
