"""Output of ``shelfwise corpus``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.small_shop import SHELVES, WordEmbedder
from typer.testing import CliRunner

from catalog.importer import import_files
from cli.corpus import app
from state.errors import CatalogMissing, CorpusMissing
from state.settings import load_settings
from tools.keyword_store import read_record


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("SHELFWISE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("engines.embedder.load_embedder", lambda settings: WordEmbedder())
    load_settings.cache_clear()
    yield
    load_settings.cache_clear()


@pytest.fixture
def shop(tmp_path: Path) -> None:
    rows = [(name, aisle, department) for (department, aisle), shelf in SHELVES.items() for name in shelf]
    lines = [f"{number},{name},{aisle},{department}" for number, (name, aisle, department) in enumerate(rows)]
    products = tmp_path / "products.csv"
    products.write_text("\n".join(["product_id,name,aisle,department", *lines]), encoding="utf-8")
    import_files(load_settings(), products)


def run(*arguments: str) -> tuple[str, str]:
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout, result.stderr


@pytest.mark.usefixtures("shop")
def test_build_publishes_a_corpus_that_status_shows() -> None:
    run("build")
    record = read_record(load_settings().corpus_dir)
    out, _ = run("status")
    assert record.version in out
    assert record.categories == len(SHELVES)


@pytest.mark.usefixtures("shop")
def test_building_again_from_the_same_inputs_changes_nothing() -> None:
    run("build")
    before = read_record(load_settings().corpus_dir)
    run("build")
    assert read_record(load_settings().corpus_dir) == before


@pytest.mark.usefixtures("shop")
def test_a_size_that_the_names_do_not_give_is_said() -> None:
    _, errors = run("build", "--terms", "5000")
    assert "asked for 5,000 terms" in errors
    assert "--widen usda" in errors


@pytest.mark.usefixtures("shop")
def test_show_prints_candidates_as_one_json_document() -> None:
    run("build")
    out, _ = run("show", "green tea", "--limit", "5", "--json")
    found = json.loads(out)["candidates"]
    assert found[0]["text"] == "green tea"
    assert set(found[0]) == {"text", "kind", "frequency", "similarity", "concept"}


def test_without_a_catalogue_the_error_names_the_import() -> None:
    with pytest.raises(CatalogMissing, match="catalog"):
        run("build")


def test_without_a_corpus_the_error_names_the_build() -> None:
    with pytest.raises(CorpusMissing, match="corpus build"):
        run("status")
