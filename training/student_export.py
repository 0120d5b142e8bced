"""Turns an adapter into what other engines serve: merged weights, a LoRA module, an embedded int8 model."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engines.adapters import check_adapter
from engines.fetch import FetchRequest, Progress, fetch_one
from engines.installed import folder_of, plain_weights
from engines.merged import merge_adapter
from state.settings import Settings
from training.student_config import ADAPTER, ADAPTER_CONFIG, RUN_CARD, StudentError

CARD = "README.md"


def base_of(adapter: Path) -> str:
    """Return the name of the base that the adapter in folder ``adapter`` was trained on.

    Raises:
        StudentError: it names none.
    """
    path = adapter / ADAPTER_CONFIG
    try:
        name = json.loads(path.read_text(encoding="utf-8")).get("base_model_name_or_path")
    except (OSError, ValueError, AttributeError) as error:
        raise StudentError(f"{path} cannot be read ({error}). Name a folder that training wrote.") from None
    if not isinstance(name, str) or not name:
        raise StudentError(f"{path} names no base. Give it with --base.")
    return name


def checked_base(settings: Settings, adapter: Path, base: str | None) -> Path:
    """Return the plain weights under ``adapter``; every tensor of the adapter fits them.

    Raises:
        StudentError, ModelsError: there is no adapter, it is damaged, or it was trained for another base.
        ModelsMissing: the base, or its plain weights, were not fetched.
    """
    if not (adapter / ADAPTER).is_file():
        raise StudentError(f"{adapter} holds no {ADAPTER}. Name a folder that training wrote.")
    weights = plain_weights(settings, base or base_of(adapter))
    check_adapter(adapter / ADAPTER, weights)
    return weights


def export_merged(
    settings: Settings, adapter: Path, out: Path, *, base: str | None = None, force: bool = False
) -> Path:
    """Write the base with the adapter in its weights to ``out``, in bf16, as ``vllm serve`` and a GPU read it.

    Raises:
        StudentError: ``out`` is there already and ``force`` is not given; see also :func:`checked_base`.
    """
    weights = checked_base(settings, adapter, base)
    with _replacing(out, force) as folder:
        merge_adapter(weights, adapter / ADAPTER, folder)
    return out


def export_module(
    settings: Settings, adapter: Path, out: Path, *, base: str | None = None, force: bool = False
) -> Path:
    """Write the adapter alone to ``out``, as ``vllm serve --lora-modules`` reads it.

    Raises:
        StudentError: as :func:`export_merged`.
    """
    checked_base(settings, adapter, base)
    with _replacing(out, force) as folder:
        for name in (ADAPTER, ADAPTER_CONFIG):
            shutil.copy(adapter / name, folder / name)
    return out


def install_merged(
    settings: Settings,
    adapter: Path,
    name: str,
    *,
    base: str | None = None,
    force: bool = False,
    int8: bool = True,
    progress: Progress | None = None,
) -> Path:
    """Install the merged model, weights in int8 or 16 bit, as the embedded model ``name`` and return its folder.

    Raises:
        StudentError: a model of this name is installed and ``force`` is not given; see also :func:`checked_base`.
        ModelsError: it cannot be converted; what was installed stays.
    """
    weights = checked_base(settings, adapter, base)
    if folder_of(settings, name).exists() and not force:
        raise StudentError(f"a model '{name}' is installed. Choose another --install name, or give --force.")
    lora, named = adapter / ADAPTER, base or base_of(adapter)
    request = FetchRequest(name, "chat", weights, force=True, int8=int8, adapter=lora, base=named)
    return fetch_one(settings, request, progress).folder


def ship(adapter: Path, out: Path, card: str, *, force: bool = False) -> Path:
    """Put a finished run's adapter, run card and model card into ``out``.

    Raises:
        StudentError: another adapter is there and ``force`` is not given.
    """
    with _replacing(out, force) as folder:
        for name in (ADAPTER, ADAPTER_CONFIG, RUN_CARD):
            shutil.copy(adapter / name, folder / name)
        (folder / CARD).write_text(card, encoding="utf-8")
    return out


@contextmanager
def _replacing(out: Path, force: bool) -> Iterator[Path]:
    """Yield a fresh folder that takes the place of ``out`` when all went well."""
    if out.exists() and any(out.iterdir() if out.is_dir() else [out]) and not force:
        raise StudentError(f"{out} is there already. Choose another folder, or give --force.")
    out.parent.mkdir(parents=True, exist_ok=True)
    new, old = (out.with_name(f".{out.name}.{part}") for part in ("new", "old"))
    for folder in (new, old):
        shutil.rmtree(folder, ignore_errors=True)
    new.mkdir()
    try:
        yield new
        if out.exists():
            out.rename(old)
        new.rename(out)
    finally:
        shutil.rmtree(new, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
