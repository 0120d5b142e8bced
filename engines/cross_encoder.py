"""The cross-encoder: reads theme and product together and says how probably the product fits."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from engines.manifest import sha256_of
from engines.runtime import first_line
from state.errors import ModelsError, ModelsMissing
from state.records import read_record

if TYPE_CHECKING:
    import openvino
    from tokenizers import Encoding, Tokenizer

RECORD = "relevance.json"
FILES = ("openvino_model.xml", "openvino_model.bin", "tokenizer.json")
BATCH = 64


class CrossEncoderRecord(BaseModel):
    """What belongs to the weights: the calibration of their logits and the threshold chosen on it.

    ``files`` maps each file to its SHA-256. probability = 1 / (1 + exp(-(scale * logit + shift))).
    """

    model_config = ConfigDict(extra="forbid")

    files: dict[str, str]
    max_tokens: int = Field(ge=8)
    scale: float = Field(gt=0)
    shift: float
    threshold: float = Field(ge=0, le=1)
    chosen_on: str
    command: str

    @property
    def name(self) -> str:
        """The scorer's name: it changes with the weights, the tokenizer, the calibration and the threshold."""
        parts = [f"{name} {self.files[name]}" for name in sorted(self.files)]
        parts.append(f"{self.max_tokens} {self.scale} {self.shift} {self.threshold}")
        return f"cross-encoder/{hashlib.sha256(' '.join(parts).encode()).hexdigest()[:12]}"


class CrossEncoderScorer:
    """Scores pairs with a compiled cross-encoder. Safe to call from several threads: calls take turns."""

    def __init__(self, record: CrossEncoderRecord, model: openvino.CompiledModel, tokenizer: Tokenizer) -> None:
        import openvino

        self._record = record
        self._tokenizer = tokenizer
        self._queue = openvino.AsyncInferQueue(model)
        self._turn = threading.Lock()
        self._name = record.name

    @property
    def name(self) -> str:
        return self._name

    @property
    def threshold(self) -> float:
        return self._record.threshold

    def score(self, pairs: Sequence[tuple[str, str]]) -> np.ndarray:
        """Return float32 ``[len(pairs)]``: the probability that the product text fits the theme text."""
        return self.probabilities(self.logits(pairs))

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """Return the calibrated probabilities of :meth:`logits`."""
        values = self._record.scale * logits.astype(np.float64) + self._record.shift
        # Beyond 500 the exponential overflows, and the probability is 0 or 1 in any case.
        return (1 / (1 + np.exp(-np.clip(values, -500, 500)))).astype(np.float32)

    def logits(self, pairs: Sequence[tuple[str, str]]) -> np.ndarray:
        """Return float32 ``[len(pairs)]``: the scores before calibration."""
        logits = np.empty(len(pairs), dtype=np.float32)
        if not pairs:
            return logits
        encodings = self._tokenizer.encode_batch_fast(list(pairs))
        by_length = sorted(range(len(pairs)), key=lambda row: len(encodings[row].ids))

        def keep(request: openvino.InferRequest, rows: list[int]) -> None:
            logits[rows] = request.get_output_tensor(0).data[:, 0]

        with self._turn:
            self._queue.set_callback(keep)
            for start in range(0, len(by_length), BATCH):
                rows = by_length[start : start + BATCH]
                self._queue.start_async(padded([encodings[row] for row in rows]), rows)
            self._queue.wait_all()
        return logits


def padded(encodings: Sequence[Encoding]) -> dict[str, np.ndarray]:
    """Return ids, mask and types as int64 ``[batch, longest]``; ``encodings`` come sorted by length."""
    shape = (len(encodings), len(encodings[-1].ids))
    found = {name: np.zeros(shape, dtype=np.int64) for name in ("input_ids", "attention_mask", "token_type_ids")}
    for row, encoding in enumerate(encodings):
        length = len(encoding.ids)
        found["input_ids"][row, :length] = encoding.ids
        found["token_type_ids"][row, :length] = encoding.type_ids
        found["attention_mask"][row, :length] = 1
    return found


def read_cross_encoder_record(folder: Path) -> CrossEncoderRecord:
    """Return what is recorded about the cross-encoder in ``folder``.

    Raises:
        ModelsMissing: there is none.
        ModelsError: the record cannot be understood.
    """
    missing = ModelsMissing(
        f"no relevance model in {folder}: {RECORD} is missing. Restore it, train one with 'shelfwise train "
        "relevance', or set scorer.kind = 'embedding' in shelfwise.toml."
    )
    cure = "Restore it or train again."
    return read_record(folder / RECORD, CrossEncoderRecord, missing=missing, damaged=ModelsError, cure=cure)


def load_cross_encoder(folder: Path, threads: int | None = None) -> CrossEncoderScorer:
    """Load the cross-encoder of ``folder``.

    Raises:
        ModelsMissing: it is not there.
        ModelsError: files are missing, are not the recorded ones, or cannot be loaded.
    """
    record = read_cross_encoder_record(folder)
    for name in FILES:
        _check(folder / name, record.files.get(name))
    return CrossEncoderScorer(record, compile_cross_encoder(folder / FILES[0], threads), read_tokenizer(folder, record))


def _check(path: Path, expected: str | None) -> None:
    if not path.is_file():
        raise ModelsError(f"the relevance model is not whole: {path} is missing. Restore it or train again.")
    found = sha256_of(path)
    if found != expected:
        raise ModelsError(
            f"{path} is not the file that the threshold was calibrated for (SHA-256 {found[:12]}, recorded "
            f"{(expected or 'none')[:12]}). Restore it or train again."
        )


def compile_cross_encoder(model: Path | openvino.Model, threads: int | None = None) -> openvino.CompiledModel:
    """Return ``model`` ready to run on the CPU.

    Raises:
        ModelsError: it cannot be loaded.
    """
    import openvino

    config: dict[str, object] = {"PERFORMANCE_HINT": "THROUGHPUT", "INFERENCE_PRECISION_HINT": "f32"}
    if threads:
        config["INFERENCE_NUM_THREADS"] = threads
    try:
        return openvino.Core().compile_model(model, "CPU", config)
    except RuntimeError as error:
        raise ModelsError(f"the relevance model {model} cannot be loaded ({first_line(error)}).") from error


def read_tokenizer(folder: Path, record: CrossEncoderRecord) -> Tokenizer:
    """Return the tokenizer of ``folder``, cutting pairs at the recorded length.

    Raises:
        ModelsError: it cannot be read.
    """
    from tokenizers import Tokenizer

    try:
        tokenizer: Tokenizer = Tokenizer.from_file(str(folder / FILES[2]))
    except Exception as error:  # the library raises bare Exception
        raise ModelsError(f"{folder / FILES[2]} cannot be read ({first_line(error)}). Restore it.") from error
    tokenizer.enable_truncation(record.max_tokens, strategy="longest_first")
    tokenizer.no_padding()
    return tokenizer
