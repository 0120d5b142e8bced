"""The keyword index on disk: resumed, versioned, swapped under readers."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from support.small_shop import WordEmbedder

from catalog.corpus import Term
from state.errors import CorpusMissing
from state.settings import IndexSettings, Settings
from tools import keyword_index
from tools.embedding_cache import EmbeddingCache
from tools.keyword_index import build_keyword_index, index_version, insert_batches
from tools.keyword_store import open_chroma, read_record, read_terms, version_folder, version_folders
from tools.keywords import KeywordSearch

TERMS = [
    Term(f"{word} tea", "query", number, (str(number),)) for number, word in enumerate(["green", "black", "oolong"])
]


class CountingEmbedder(WordEmbedder):
    """Counts the texts it embeds; fails once it has embedded ``fails_after``."""

    def __init__(self, fails_after: int | None = None) -> None:
        self.embedded = 0
        self._fails_after = fails_after

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        if self._fails_after is not None and self.embedded >= self._fails_after:
            raise KeyboardInterrupt
        self.embedded += len(texts)
        return super().embed(texts)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


def build(settings: Settings, terms: Sequence[Term] = TERMS, **more: object) -> str:
    embedder = more.pop("embedder", WordEmbedder())
    record = build_keyword_index(settings.corpus_dir, terms, embedder, settings.index, catalog="c1", **more)
    return record.version


def many_terms(count: int) -> list[Term]:
    return [Term(f"term{number}", "query", 1) for number in range(count)]


def test_row_i_of_terms_vectors_and_collection_is_one_term(settings: Settings) -> None:
    version = build(settings)
    folder = version_folder(settings.corpus_dir, version)
    assert read_terms(folder / "terms.parquet") == TERMS
    client = open_chroma(folder / "chroma")
    collection = client.get_collection(read_record(settings.corpus_dir).collection, embedding_function=None)
    vectors = np.load(folder / "vectors.npy").astype(np.float32)
    nearest = collection.query(query_embeddings=vectors, n_results=1)["ids"]
    client.close()
    assert [ids[0] for ids in nearest] == ["0", "1", "2"]


def test_the_version_follows_terms_embedder_and_settings() -> None:
    index = IndexSettings()
    versions = {
        index_version(TERMS, "a", index),
        index_version(TERMS[:2], "a", index),
        index_version(TERMS, "b", index),
        index_version(TERMS, "a", IndexSettings(ef_search=11)),
    }
    assert len(versions) == 4
    assert index_version(TERMS, "a", index) == index_version(list(TERMS), "a", IndexSettings())


def test_a_killed_embedding_goes_on_from_its_last_chunk(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tools.embedding_cache.CHUNK", 10)
    terms = many_terms(35)
    dying = CountingEmbedder(fails_after=20)
    with pytest.raises(KeyboardInterrupt):
        build(settings, terms, embedder=dying)
    with pytest.raises(CorpusMissing):
        read_record(settings.corpus_dir)
    second = CountingEmbedder()
    build(settings, terms, embedder=second)
    assert (dying.embedded, second.embedded) == (20, 15)


def test_a_killed_fill_keeps_the_rows_it_had(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyword_index, "INSERT_BATCH", 10)
    terms = many_terms(35)
    steps: list[tuple[str, int]] = []

    def die(step: str, done: int, total: int) -> None:
        steps.append((step, done))
        if len([1 for name, _ in steps if name == "index"]) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(settings, terms, progress=die)
    version = build(settings, terms)
    client = open_chroma(version_folder(settings.corpus_dir, version) / "chroma")
    assert client.get_collection(f"keywords-{version}", embedding_function=None).count() == 35
    client.close()


@pytest.mark.parametrize("part", ["index_metadata.pickle", "data_level0.bin", "header.bin", "link_lists.bin"])
def test_files_cut_short_by_a_kill_are_filled_anew(settings: Settings, part: str) -> None:
    terms = many_terms(35)
    version = build(settings, terms)
    (victim,) = (version_folder(settings.corpus_dir, version) / "chroma").rglob(part)
    victim.write_bytes(victim.read_bytes()[: victim.stat().st_size // 2])
    assert build(settings, terms) == version
    search = KeywordSearch.open(settings, WordEmbedder())
    assert "term7" in {candidate.text for candidate in search.candidates(["term7"], 5)}


def test_kill_9_in_the_middle_leaves_a_build_that_goes_on(settings: Settings) -> None:
    script = f"""
        import os, signal, sys
        sys.path[:0] = {sys.path!r}
        from support.small_shop import WordEmbedder
        from catalog.corpus import Term
        from state.settings import Settings
        from tools import keyword_index
        keyword_index.INSERT_BATCH = 10
        settings = Settings(home={str(settings.home)!r})
        inserts = []
        def die(step, done, total):
            inserts.append(step)
            if inserts.count("index") == 3:
                os.kill(os.getpid(), signal.SIGKILL)
        terms = [Term(f"term{{n}}", "query", 1) for n in range(45)]
        keyword_index.build_keyword_index(
            settings.corpus_dir, terms, WordEmbedder(), settings.index, catalog="c1", progress=die)
    """
    killed = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=False, env={**os.environ})
    assert killed.returncode == -9
    version = build(settings, many_terms(45))
    assert {c.text for c in KeywordSearch.open(settings, WordEmbedder()).candidates(["term7"], 5)} >= {"term7"}
    assert read_record(settings.corpus_dir).version == version


def test_a_vector_from_the_cache_equals_a_fresh_one(tmp_path: Path) -> None:
    cache = EmbeddingCache(tmp_path / "cache.sqlite", WordEmbedder())
    first = cache.vectors(["green tea", "green tea", "mint"])
    assert np.array_equal(first, cache.vectors(["green tea", "green tea", "mint"]))
    assert np.array_equal(first[0], first[1])


def test_another_embedder_has_vectors_of_its_own(tmp_path: Path) -> None:
    class Other(CountingEmbedder):
        name = "other"

    EmbeddingCache(tmp_path / "cache.sqlite", WordEmbedder()).vectors(["tea"])
    other = Other()
    EmbeddingCache(tmp_path / "cache.sqlite", other).vectors(["tea"])
    assert other.embedded == 1


@pytest.mark.parametrize("rows", [0, 1, 2, 4_999, 5_000, 5_001, 28_377, 300_000])
def test_inserts_cover_every_row_once_and_are_of_one_size(rows: int) -> None:
    batches = insert_batches(rows)
    assert [row for start, end in batches for row in (start, end)][1:-1:2] == [start for start, _ in batches][1:]
    assert sum(end - start for start, end in batches) == rows
    sizes = [end - start for start, end in batches]
    assert not sizes or (max(sizes) - min(sizes) <= 1 and max(sizes) <= 5_000)


def test_a_reader_follows_a_newly_published_index(settings: Settings) -> None:
    old = build(settings)
    search = KeywordSearch.open(settings, WordEmbedder())
    assert search.version == old
    new = build(settings, [*TERMS, Term("oat milk", "query", 9)])
    assert search.version == new != old
    assert "oat milk" in {candidate.text for candidate in search.candidates(["oat milk"])}


def test_a_build_that_fails_leaves_the_old_index_in_use(settings: Settings) -> None:
    old = build(settings)
    with pytest.raises(KeyboardInterrupt):
        build(settings, many_terms(3), embedder=CountingEmbedder(fails_after=0))
    assert KeywordSearch.open(settings, WordEmbedder()).version == old


def test_the_version_before_stays_for_readers_and_older_ones_go(settings: Settings) -> None:
    versions = [build(settings, many_terms(count)) for count in (3, 4, 5)]
    assert {folder.name for folder in version_folders(settings.corpus_dir)} == {f"v-{v}" for v in versions[1:]}


def test_no_terms_is_no_corpus(settings: Settings) -> None:
    with pytest.raises(CorpusMissing, match="no terms"):
        build(settings, [])


@pytest.mark.parametrize("damage", ["pointer", "terms", "vectors", "chroma"])
def test_a_damaged_index_says_how_to_mend_it(settings: Settings, damage: str) -> None:
    folder = version_folder(settings.corpus_dir, build(settings))
    victims = {
        "pointer": settings.corpus_dir / "current.json",
        "terms": folder / "terms.parquet",
        "vectors": folder / "vectors.npy",
        "chroma": folder / "chroma" / "chroma.sqlite3",
    }
    victims[damage].write_bytes(b"")
    with pytest.raises(CorpusMissing, match="corpus build"):
        KeywordSearch.open(settings, WordEmbedder())


def test_another_embedder_cannot_search_the_index(settings: Settings) -> None:
    class Other(WordEmbedder):
        name = "other"

    build(settings)
    with pytest.raises(CorpusMissing, match="words-64"):
        KeywordSearch.open(settings, Other())


def test_readers_in_other_processes_work_while_a_build_swaps_the_index(settings: Settings) -> None:
    build(settings, many_terms(50))
    script = f"""
        import sys, time
        sys.path[:0] = {sys.path!r}
        from support.small_shop import WordEmbedder
        from state.settings import Settings
        from tools.keywords import KeywordSearch
        search = KeywordSearch.open(Settings(home={str(settings.home)!r}), WordEmbedder())
        seen, until = set(), time.monotonic() + 120
        while len(seen) < 3 and time.monotonic() < until:
            assert search.candidates(["term7", "term8"], 10)
            if search.version not in seen:
                seen.add(search.version)
                print(search.version, flush=True)
    """
    command = [sys.executable, "-W", "error::ResourceWarning", "-c", textwrap.dedent(script)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as reader:
        assert reader.stdout is not None
        assert reader.stdout.readline().strip() == read_record(settings.corpus_dir).version
        for count in (60, 70):
            version = build(settings, many_terms(count))
            assert reader.stdout.readline().strip() == version
    assert reader.returncode == 0
