"""Turns command line options into the options of a page run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from state.options import PageOptions

OptionsFile = Annotated[
    Path | None,
    typer.Option("--options", help='JSON file of page options, e.g. {"guards": {"relevance": {"threshold": 0.4}}}.'),
]


def page_options(file: Path | None = None, **given: Any) -> PageOptions:
    """Return the options of ``file`` with those given on the command line (neither None nor False) laid over.

    Raises:
        typer.BadParameter: the file cannot be read or holds an unknown or wrong option.
    """
    values: dict[str, Any] = {}
    if file is not None:
        try:
            values = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise typer.BadParameter(f"cannot read {file} as JSON: {error}", param_hint="--options") from error
        if not isinstance(values, dict):
            raise typer.BadParameter(f"{file} must hold a JSON object", param_hint="--options")
    values |= {name: value for name, value in given.items() if value is not None and value is not False}
    try:
        return PageOptions(**values)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise typer.BadParameter(problems) from None
