"""Exit codes and output of ``shelfwise catalog``."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.catalog import app
from state.settings import load_settings

HEADER = "product_id,name,aisle,department\n"
Write = Callable[[str, str | bytes], Path]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("SHELFWISE_HOME", str(tmp_path / "home"))
    load_settings.cache_clear()
    yield tmp_path / "home"
    load_settings.cache_clear()


def run(*arguments: str | Path) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return result.exit_code, result.stdout, result.stderr


def test_a_good_import_exits_0_and_status_shows_it(write: Write) -> None:
    assert run("import", "--products", write("p.csv", HEADER + "1,Milk,milk,dairy\n"))[0] == 0
    code, out, _ = run("status")
    assert code == 0
    assert "products" in out
    assert "products from" in out


def test_rejected_rows_are_counted_and_shown_and_exit_0(write: Write, home: Path) -> None:
    path = write("p.csv", HEADER + "1,Milk,milk,dairy\n" + "2,,milk,dairy\n" * 9)
    code, _, errors = run("import", "--products", path)
    assert code == 0
    assert "9 rows rejected" in errors
    assert f"{path}:3: empty name" in errors
    assert f"{path}:8" not in errors
    assert "rejects-" in errors


@pytest.mark.parametrize(
    ("content", "options", "code"),
    [
        ("", [], 2),
        ("id,name\n1,Milk\n", [], 2),
        (HEADER.encode("utf-16"), [], 2),
        (HEADER + "1,Milk,milk,dairy\n2,,milk,dairy\n", ["--strict"], 3),
        (HEADER + "1,,milk,dairy\n", [], 4),
        (HEADER, [], 4),
    ],
)
def test_each_kind_of_failure_has_its_exit_code_and_says_why(
    write: Write, content: str | bytes, options: list[str], code: int
) -> None:
    found, out, errors = run("import", "--products", write("p.csv", content), *options)
    assert found == code
    assert errors.startswith("Error: ")
    assert "Traceback" not in errors + out
    assert run("status")[0] == 1


def test_a_folder_that_cannot_be_written_exits_5(write: Write, home: Path) -> None:
    home.write_text("in the way")
    assert run("import", "--products", write("p.csv", HEADER + "1,Milk,milk,dairy\n"))[0] == 5


def test_a_missing_option_exits_2() -> None:
    assert run("import")[0] == 2


def test_file_content_cannot_write_to_the_terminal(write: Write) -> None:
    rows = HEADER + "1,Milk,milk,dairy\n2,\x1b[31mred,milk,\x1b]0;title\x07other\n3,[bold]x[/],milk,[red]\n"
    code, out, errors = run("import", "--products", write("p.csv", rows))
    assert code == 0
    assert "[red]" in errors
    assert "\x1b" not in out + errors


def test_a_missing_demo_package_names_the_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    code, _, errors = run("demo")
    assert code == 2
    assert "pip install 'shelfwise[demo]'" in errors


def test_the_demo_shop_is_the_public_catalogue_with_its_shoppers() -> None:
    assert run("demo")[0] == 0
    _, out, _ = run("status")
    for figure in ("49,688", "132", "593", "15,183", "150,000"):
        assert figure in out
