"""The encoder that tags the words of a query: a few milliseconds on a CPU, probabilities for every word."""

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
    from tokenizers import Tokenizer

CARD = "run_card.json"
FILES = ("openvino_model.xml", "openvino_model.bin", "tokenizer.json")
_CURE = "Restore it, or train one: shelfwise train query-tagger."


class TaggerCard(BaseModel):
    """What belongs to the weights: ``tags`` in the order of their outputs, and how they are mixed.

    ``share`` is the weight of the encoder's log probabilities where they are mixed with those of the random field,
    chosen on the split ``chosen_on``. ``files`` maps each file to its SHA-256.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    files: dict[str, str]
    tags: tuple[str, ...]
    share: float = Field(ge=0, le=1)
    chosen_on: str
    queries: int
    base: str
    command: str
    seconds: float
    libraries: dict[str, str]

    @property
    def version(self) -> str:
        """12 hex digits that change with the files, the tags and the share."""
        parts = [f"{name} {self.files[name]}" for name in sorted(self.files)]
        return hashlib.sha256(f"{parts} {self.tags} {self.share}".encode()).hexdigest()[:12]


class QueryTagger:
    """Tells the tags of words. Safe to call from several threads: calls take turns."""

    def __init__(self, card: TaggerCard, model: openvino.CompiledModel, tokenizer: Tokenizer) -> None:
        self.card = card
        self._request = model.create_infer_request()
        self._tokenizer = tokenizer
        self._turn = threading.Lock()

    @classmethod
    def load(cls, folder: Path) -> QueryTagger:
        """Load the encoder of ``folder``.

        Raises:
            ModelsMissing: it is not there.
            ModelsError: files are missing, are not the recorded ones, or cannot be loaded.
        """
        import openvino
        from tokenizers import Tokenizer

        card = read_tagger_card(folder)
        for name in FILES:
            _check(folder / name, card.files.get(name))
        try:
            config = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
            model = openvino.Core().compile_model(folder / FILES[0], "CPU", config)
            tokenizer = Tokenizer.from_file(str(folder / FILES[2]))
        except Exception as error:  # the library of tokenizers raises bare Exception
            raise ModelsError(
                f"the query tagger in {folder} cannot be loaded ({first_line(error)}). {_CURE}"
            ) from error
        tokenizer.no_padding()
        tokenizer.no_truncation()
        return cls(card, model, tokenizer)

    def chances(self, words: Sequence[str]) -> np.ndarray:
        """Return float64 ``[words, tags]``: log probabilities; those of a word are those of its first token."""
        if not words:
            return np.zeros((0, len(self.card.tags)))
        encoding = self._tokenizer.encode(list(words), is_pretokenized=True)
        firsts = first_tokens(encoding.word_ids, len(words))
        inputs = {
            "input_ids": np.array([encoding.ids], dtype=np.int64),
            "attention_mask": np.ones((1, len(encoding.ids)), dtype=np.int64),
            "token_type_ids": np.zeros((1, len(encoding.ids)), dtype=np.int64),
        }
        with self._turn:
            self._request.infer(inputs)
            logits = self._request.get_output_tensor(0).data[0].astype(np.float64)
        shifted = logits - logits.max(axis=1, keepdims=True)
        found = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        return np.array(found[firsts])


def first_tokens(word_ids: Sequence[int | None], words: int) -> list[int]:
    """Return the place of the first token of each word; that of a word without tokens is the one behind it, or 0.

    ``word_ids`` tells the word of each token, None for tokens that the model adds.
    """
    places: dict[int, int] = {}
    for place, word in enumerate(word_ids):
        if word is not None:
            places.setdefault(word, place)
    return [places.get(word, next((places[w] for w in range(word, words) if w in places), 0)) for word in range(words)]


def read_tagger_card(folder: Path) -> TaggerCard:
    """Return what is recorded about the encoder in ``folder``.

    Raises:
        ModelsMissing: there is none.
        ModelsError: the record cannot be understood.
    """
    missing = ModelsMissing(f"no query tagger in {folder}: {CARD} is missing. {_CURE}")
    return read_record(folder / CARD, TaggerCard, missing=missing, damaged=ModelsError, cure=_CURE)


def _check(path: Path, expected: str | None) -> None:
    found = sha256_of(path) if path.is_file() else "not there"
    if found != expected:
        raise ModelsError(
            f"{path} is not the file of its card (SHA-256 {found[:12]}, recorded {(expected or 'none')[:12]}). {_CURE}"
        )
