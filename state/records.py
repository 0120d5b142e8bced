"""Reads a record: one JSON file that says what lies beside it."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from state.errors import ShelfwiseError

Record = TypeVar("Record", bound=BaseModel)


def read_record(
    path: Path, form: type[Record], *, missing: ShelfwiseError, damaged: type[ShelfwiseError], cure: str
) -> Record:
    """Return the record in ``path``.

    Raises:
        ShelfwiseError: ``missing`` where there is no file; ``damaged``, its message ending in ``cure``, where it cannot
            be read or understood.
    """
    try:
        return form.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise missing from None
    except (OSError, ValidationError) as error:
        raise damaged(f"{path} cannot be read ({type(error).__name__}). {cure}") from error
