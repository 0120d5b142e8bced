"""Terminal output: what a person reads goes to stderr, what a program reads to stdout."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer
from pydantic import BaseModel
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

out = Console()
err = Console(stderr=True)

EXIT_ERROR = 2


def print_json(value: BaseModel | dict[str, Any]) -> None:
    """Print one JSON document on stdout, unstyled."""
    data = value.model_dump(mode="json") if isinstance(value, BaseModel) else value
    typer.echo(json.dumps(data, ensure_ascii=False))


@contextmanager
def progress(total: int, label: str) -> Iterator[tuple[Progress, Any]]:
    """Show a progress bar on stderr; yields it with its task."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=err) as bar:
        yield bar, bar.add_task(label, total=total)
