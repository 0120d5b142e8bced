"""Build time, latency and recall of the keyword index for several HNSW settings, against exact search.

Uses the corpus in use (``shelfwise corpus build`` first). Queries are concepts, a line each, from ``--queries``
(a text file, or JSON lines with ``concepts`` or ``themes[].concepts``); without it, words of the catalogue: for each
batch, six names of products that one shopper bought. Prints a Markdown table on stdout.

    python benchmarks/keyword_index.py --grid 16:100,32:200 --ef 100,200,400 --work /tmp/sweep
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from catalog.warehouse import Warehouse
from engines.embedder import load_embedder
from state.guard import Embedder
from state.settings import IndexSettings, Settings, load_settings
from tools.keyword_index import fill_collection
from tools.keyword_store import VECTORS, open_chroma, read_record, version_folder
from tools.keywords import readable_concepts

DEPTHS = (25, 50, 100, 200)
BATCH = 6
PASSES = 5
COLLECTION = "benchmark"


def main() -> None:
    """Run the sweep that the command line asks for."""
    options = _options()
    settings = load_settings()
    record = read_record(settings.corpus_dir)
    vectors = np.load(version_folder(settings.corpus_dir, record.version) / VECTORS)
    batches = list(_batches(settings, options.queries, options.batches, load_embedder(settings)))
    queries = np.concatenate(batches)
    exact = _exact(vectors, queries, max(DEPTHS))
    print(f"{len(vectors):,} terms, {len(batches)} themes of {BATCH} concepts, depth 100, fastest of {PASSES} passes\n")
    header = ["M", "ef construction", "ef search", "build s", "CPU s", "concept p50 ms", "p99", "theme p50 ms", "p99"]
    header += [f"recall@{depth}" for depth in DEPTHS]
    print("| " + " | ".join(header) + " |\n|" + "---|" * len(header), flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        for neighbors, construction in options.grid:
            index = IndexSettings(max_neighbors=neighbors, ef_construction=construction)
            folder = Path(options.work or scratch) / f"{neighbors}-{construction}"
            seconds = _build(folder, vectors, index)
            for search in options.ef:
                _print_row(folder, index.model_copy(update={"ef_search": search}), seconds, batches, exact)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--grid", type=_grid, default=_grid("16:100,32:200"), help="M:ef_construction, ...")
    parser.add_argument("--ef", type=lambda text: [int(part) for part in text.split(",")], default=[100, 200, 400])
    parser.add_argument("--queries", type=Path, help="file of concepts")
    parser.add_argument("--batches", type=int, default=200, help="themes to query with")
    parser.add_argument("--work", type=Path, help="folder to keep the built indexes in, for another run")
    return parser.parse_args()


def _grid(text: str) -> list[tuple[int, int]]:
    return [(int(part.split(":")[0]), int(part.split(":")[1])) for part in text.split(",")]


def _batches(settings: Settings, path: Path | None, count: int, embedder: Embedder) -> Iterator[np.ndarray]:
    """Yield the vectors of ``count`` themes, ``[BATCH, dimension]`` each."""
    themes = list(_themes_of_file(path)) if path else list(_themes_of_baskets(settings))
    themes = [concepts[:BATCH] for concepts in map(readable_concepts, themes) if len(concepts) >= BATCH]
    for concepts in random.Random(7).sample(themes, min(count, len(themes))):
        yield embedder.embed(concepts)


def _themes_of_file(path: Path) -> Iterator[list[str]]:
    lines = path.read_text(encoding="utf-8").splitlines()
    if path.suffix != ".jsonl":
        yield from (lines[start : start + BATCH] for start in range(0, len(lines), BATCH))
        return
    for row in map(json.loads, lines):
        for theme in row.get("themes", [row]):
            yield theme["concepts"]


def _themes_of_baskets(settings: Settings) -> Iterator[list[str]]:
    warehouse = Warehouse.open(settings)
    rows = warehouse.rows(
        "SELECT o.shopper_id, p.name FROM order_lines l JOIN orders o USING (order_id)"
        " JOIN products p USING (product_id) GROUP BY ALL ORDER BY ALL"
    )
    warehouse.close()
    bought: dict[str, list[str]] = {}
    for shopper, name in rows:
        bought.setdefault(shopper, []).append(name)
    for names in bought.values():
        yield random.Random(len(names)).sample(names, min(BATCH, len(names)))


def _exact(vectors: np.ndarray, queries: np.ndarray, depth: int) -> np.ndarray:
    """Return the rows of the ``depth`` nearest of each query, nearest first, by comparing with all."""
    found = []
    table = vectors.astype(np.float32)
    for start in range(0, len(queries), 64):
        similarity = queries[start : start + 64] @ table.T
        rows = np.argpartition(-similarity, depth - 1, axis=1)[:, :depth]
        order = np.argsort(-np.take_along_axis(similarity, rows, axis=1), axis=1)
        found.append(np.take_along_axis(rows, order, axis=1))
    return np.concatenate(found)


def _build(folder: Path, vectors: np.ndarray, index: IndexSettings) -> tuple[float, float]:
    """Build the index unless ``folder`` holds it; return the wall and CPU seconds that building took."""
    note = folder / "seconds.json"
    if not note.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        wall, cpu = time.perf_counter(), time.process_time()
        fill_collection(folder, COLLECTION, vectors, index)
        seconds = (time.perf_counter() - wall, time.process_time() - cpu)
        note.write_text(json.dumps(seconds), encoding="utf-8")
    wall, cpu = json.loads(note.read_text(encoding="utf-8"))
    return wall, cpu


def _print_row(
    folder: Path, index: IndexSettings, seconds: tuple[float, float], batches: Sequence[np.ndarray], exact: np.ndarray
) -> None:
    client = open_chroma(folder)
    collection = client.get_collection(COLLECTION, embedding_function=None)
    collection.modify(configuration={"hnsw": {"ef_search": index.ef_search}})

    def ask(vectors: np.ndarray, depth: int = 100) -> list[list[str]]:
        ids: list[list[str]] = collection.query(query_embeddings=vectors, n_results=depth, include=["distances"])["ids"]
        return ids

    for batch in batches[:20]:
        ask(batch)
    themes = _fastest([[_milliseconds(ask, batch) for batch in batches] for _ in range(PASSES)])
    singles = _fastest([[_milliseconds(ask, batch[:1]) for batch in batches] for _ in range(PASSES)])
    recalls = []
    for depth in DEPTHS:
        found = [set(map(int, ids)) for batch in batches for ids in ask(batch, depth)]
        hits = [len(ids & set(row[:depth].tolist())) / depth for ids, row in zip(found, exact, strict=True)]
        recalls.append(f"{np.mean(hits):.4f}")
    client.close()
    times = [f"{np.quantile(values, share):.1f}" for values in (singles, themes) for share in (0.5, 0.99)]
    row = [
        index.max_neighbors,
        index.ef_construction,
        index.ef_search,
        *(f"{value:.0f}" for value in seconds),
        *times,
        *recalls,
    ]
    print("| " + " | ".join(map(str, row)) + " |", flush=True)


def _fastest(passes: list[list[float]]) -> np.ndarray:
    """Return each query's fastest time: what other work on the machine adds is not the index's."""
    return np.min(passes, axis=0)


def _milliseconds(ask: Callable[[np.ndarray], object], vectors: np.ndarray) -> float:
    started = time.perf_counter()
    ask(vectors)
    return (time.perf_counter() - started) * 1e3


if __name__ == "__main__":
    main()
