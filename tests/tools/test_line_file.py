"""A file of lines that is continued: whole lines, failed ones again, and never mistaken for something else."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from state.errors import SettingsError, StoreError
from tools.line_file import LineFile


def key_of(record: Any) -> str | None:
    return None if "error" in record else str(record["name"])


def opened(path: Path) -> LineFile:
    return LineFile.open(path, key_of, holds="a name")


def line(name: str, **more: Any) -> str:
    return json.dumps({"name": name, **more}, ensure_ascii=False)


def test_lines_are_kept_and_failed_ones_and_a_cut_one_are_dropped_when_opened_again(tmp_path: Path) -> None:
    file = opened(tmp_path / "new" / "f.jsonl")
    file.append("a", line("a", text="x\u2028y\x85z"))
    file.append("b", line("b", error="late"), again=True)
    with file.path.open("a") as raw:
        raw.write('{"name": "c", "te')
    again = opened(file.path)
    assert again.keys == {"a"}
    assert again.line("a") == line("a", text="x\u2028y\x85z")
    assert file.path.read_text(encoding="utf-8") == line("a", text="x\u2028y\x85z") + "\n"


def test_a_whole_last_line_without_its_end_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "f.jsonl"
    path.write_text(line("a"))
    assert opened(path).keys == {"a"}
    opened(path).append("b", line("b"))
    assert path.read_text() == f"{line('a')}\n{line('b')}\n"


@pytest.mark.parametrize("content", [b"notes\nmore\n", b"notes", b'{"title": "x"}\n', b"\xff\xfe\n", b"[1]\n", b"7\n"])
def test_something_else_is_refused_and_stays_as_it_is(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(content)
    with pytest.raises(StoreError, match="line 1 is not a name"):
        opened(path)
    assert path.read_bytes() == content


def test_order_is_that_of_the_keys_and_what_is_not_among_them_stays_at_the_end(tmp_path: Path) -> None:
    file = opened(tmp_path / "f.jsonl")
    for name in ("other", "c", "a"):
        file.append(name, line(name))
    file.append("b", line("b", error="no"), again=True)
    file.write_in_order(["a", "b", "c"], {"b": line("b", error="no")})
    assert [json.loads(row)["name"] for row in file.path.read_text().splitlines()] == ["a", "b", "c", "other"]
    assert opened(file.path).keys == {"a", "c", "other"}


def test_errors_are_of_the_class_asked_for_and_say_what_is_kept(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("notes\n")
    with pytest.raises(SettingsError):
        LineFile.open(tmp_path / "notes", key_of, holds="a name", error=SettingsError)
    with pytest.raises(StoreError, match="cannot use"):
        opened(tmp_path)
    file = opened(tmp_path / "gone" / "f.jsonl")
    shutil.rmtree(tmp_path / "gone")
    with pytest.raises(StoreError, match="so far are kept"):
        file.append("a", line("a"))
