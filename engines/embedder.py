"""The sentence embedder: a converted encoder on OpenVINO, batches sorted by length."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from engines.installed import model_path
from engines.runtime import first_line
from state.errors import ModelsError
from state.settings import Settings

if TYPE_CHECKING:
    import openvino
    from tokenizers import Encoding, Tokenizer

MAX_TOKENS = 256  # the length that all-MiniLM-L6-v2 was trained for; longer texts are cut


class OpenVinoEmbedder:
    """Turns texts into unit vectors. Safe to call from several threads: calls take turns, each uses all cores."""

    def __init__(
        self, name: str, model: openvino.CompiledModel, tokenizer: Tokenizer, *, dimension: int, batch_size: int
    ) -> None:
        import openvino

        self._name = name
        self._tokenizer = tokenizer
        self._batch_size = batch_size
        self._queue = openvino.AsyncInferQueue(model)
        self._turn = threading.Lock()
        self.dimension = dimension

    @property
    def name(self) -> str:
        return self._name

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Return float32 ``[len(texts), dimension]``, rows of length 1, in the order of ``texts``."""
        vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        if not texts:
            return vectors
        encodings = self._tokenizer.encode_batch_fast(list(texts))
        by_length = sorted(range(len(texts)), key=lambda row: len(encodings[row].ids))

        def keep(request: openvino.InferRequest, rows: list[int]) -> None:
            vectors[rows] = request.get_output_tensor(0).data

        with self._turn:
            self._queue.set_callback(keep)
            for start in range(0, len(by_length), self._batch_size):
                rows = by_length[start : start + self._batch_size]
                self._queue.start_async(_padded([encodings[row] for row in rows]), rows)
            self._queue.wait_all()
        return vectors


def _padded(encodings: Sequence[Encoding]) -> dict[str, np.ndarray]:
    """Return token ids and mask as int64 ``[batch, longest]``; ``encodings`` come sorted by length."""
    shape = (len(encodings), len(encodings[-1].ids))
    ids, mask = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    for row, encoding in enumerate(encodings):
        ids[row, : len(encoding.ids)] = encoding.ids
        mask[row, : len(encoding.ids)] = 1
    return {"input_ids": ids, "attention_mask": mask}


def load_embedder(settings: Settings) -> OpenVinoEmbedder:
    """Load the embedder that the settings name.

    Raises:
        ModelsMissing: its weights are not fetched.
        ModelsError: they cannot be loaded.
    """
    name = settings.embedder.model
    folder = model_path(settings, name, kind="embedder")
    model, tokenizer = _compile(folder, settings.threads), _tokenizer(folder)
    return OpenVinoEmbedder(
        name,
        model,
        tokenizer,
        dimension=model.output(0).get_partial_shape()[1].get_length(),
        batch_size=settings.embedder.batch_size,
    )


def _compile(folder: Path, threads: int | None) -> openvino.CompiledModel:
    import openvino

    # f32: the CPU plugin would choose bf16 where it can, which moves vectors by 1e-3 and is slower on short texts.
    config: dict[str, object] = {"PERFORMANCE_HINT": "THROUGHPUT", "INFERENCE_PRECISION_HINT": "f32"}
    if threads:
        config["INFERENCE_NUM_THREADS"] = threads
    try:
        return openvino.Core().compile_model(folder / "openvino_model.xml", "CPU", config)
    except RuntimeError as error:
        raise ModelsError(
            f"the embedder in {folder} cannot be loaded ({first_line(error)}). Run 'shelfwise models fetch --force'."
        ) from error


def _tokenizer(folder: Path) -> Tokenizer:
    from tokenizers import Tokenizer

    tokenizer: Tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(MAX_TOKENS)
    tokenizer.no_padding()
    return tokenizer
