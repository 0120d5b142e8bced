"""A record is read whole, or an error says what is wrong and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel

from state.errors import ModelsError, ModelsMissing
from state.records import read_record


class Card(BaseModel):
    sha256: str


def read(path: Path) -> Card:
    return read_record(path, Card, missing=ModelsMissing("no card."), damaged=ModelsError, cure="Train again.")


def test_a_record_is_missing_damaged_or_read(tmp_path: Path) -> None:
    path = tmp_path / "card.json"
    with pytest.raises(ModelsMissing, match="no card"):
        read(path)
    path.write_text('{"sha256": "1"}')
    assert read(path).sha256 == "1"
    for content in ("", "{", "[]", '{"sha256": 1}'):
        path.write_text(content)
        with pytest.raises(ModelsError, match=r"card\.json cannot be read .*Train again\."):
            read(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(ModelsError, match="IsADirectoryError"):
        read(path)
