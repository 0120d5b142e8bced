"""Trains the encoder that tags the words of a query: MiniLM with a linear layer over the first token of each word."""

from __future__ import annotations

import json
import random
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engines.query_tagger import CARD, QueryTagger, TaggerCard, first_tokens
from state.intent import LabelledQuery
from tools.mixed_roles import MixedRoles
from tools.query_roles import CrfRoles
from tools.role_words import tagged
from training.datasets import write_whole
from training.query_variants import QueryVariants

if TYPE_CHECKING:
    import torch
    from tokenizers import Tokenizer
    from torch import nn

EPOCHS, RATE, HEAD_RATE, BATCH = 5, 1e-4, 1e-3, 32
VARIANTS = 1
"""Variants of each query an epoch, other ones every time."""
WARM_UP, DROPOUT, CLIP = 0.1, 0.1, 1.0
SHARES = (0.2, 0.3, 0.4, 0.5)
_UNTOLD, _MASKED = -100, -1e4
_LIBRARIES = ("torch", "transformers", "tokenizers", "openvino", "nncf")
OnStep = Callable[[int, int, float | None], object]


def lean_tokenizer(source: Path, texts: Iterable[str]) -> tuple[Tokenizer, list[int]]:
    """Return the WordPiece tokenizer in ``source`` with only what ``texts`` need, and the ids kept, in the new order.

    Special tokens and single characters stay: any word can still be spelt.
    """
    from tokenizers import Tokenizer

    whole = Tokenizer.from_file(str(source))
    whole.no_padding()
    whole.no_truncation()
    used = {token for encoding in whole.encode_batch(sorted(set(texts))) for token in encoding.tokens}
    record = json.loads(source.read_text(encoding="utf-8"))
    vocabulary: dict[str, int] = record["model"]["vocab"]
    special = {entry["content"] for entry in record["added_tokens"]}
    kept = [
        token
        for token in sorted(vocabulary, key=vocabulary.__getitem__)
        if token in used or token in special or len(token.removeprefix("##")) == 1
    ]
    place = {token: at for at, token in enumerate(kept)}
    record["model"]["vocab"] = place
    record["padding"] = record["truncation"] = None
    for entry in record["added_tokens"]:
        entry["id"] = place[entry["content"]]
    for entry in (record["post_processor"] or {}).get("special_tokens", {}).values():
        entry["ids"] = [place[token] for token in entry["tokens"]]
    for name in ("cls", "sep"):
        if name in (record["post_processor"] or {}):
            token, _ = record["post_processor"][name]
            record["post_processor"][name] = [token, place[token]]
    return Tokenizer.from_str(json.dumps(record)), [vocabulary[token] for token in kept]


def train_tagger(
    train: Sequence[LabelledQuery],
    dev: Sequence[LabelledQuery],
    source: Path,
    field: CrfRoles,
    texts: Iterable[str],
    out: Path,
    *,
    seed: int = 7,
    epochs: int = EPOCHS,
    base: str = "all-minilm-l6-v2",
    command: str = "",
    on_step: OnStep = lambda done, planned, loss: None,
) -> TaggerCard:
    """Train on ``train`` and write the 8-bit encoder with its card into ``out``.

    ``source`` is the Hugging Face folder of the base; ``texts`` are what its vocabulary is cut to. The share at which
    it is mixed with ``field`` is the best of :data:`SHARES` on ``dev``. About two minutes on two cores; the same data,
    seed and libraries give the same weights.
    """
    import torch

    started = time.monotonic()
    torch.manual_seed(seed)
    spoken = [row.corrected.lower() for row in [*train, *dev]]
    tokenizer, kept = lean_tokenizer(source / "tokenizer.json", [*texts, *spoken])
    tags = tuple(sorted({tag for row in train for _, tag in tagged(row)}))
    network = _network(source, kept, len(tags))
    _fit(network, tokenizer, tags, train, epochs, seed, on_step)
    with tempfile.TemporaryDirectory() as folder:
        tokenizer.save(str(Path(folder) / "tokenizer.json"))
        files = _export(network, Path(folder) / "tokenizer.json", out)
    card = TaggerCard(
        files=files,
        tags=tags,
        share=0.0,
        chosen_on="dev",
        queries=len(train),
        base=base,
        command=command,
        seconds=0.0,
        libraries={name: version(name) for name in _LIBRARIES},
    )
    _write(out, card)
    share = _best_share(QueryTagger.load(out), field, dev)
    card = card.model_copy(update={"share": share, "seconds": round(time.monotonic() - started, 1)})
    _write(out, card)
    return card


def _network(source: Path, kept: Sequence[int], tags: int) -> nn.Module:
    """Return MiniLM over the tokens ``kept``, their embeddings frozen, with ``tags`` logits a token."""
    import torch
    from torch import nn
    from transformers import AutoModel
    from transformers.utils import logging

    class Network(nn.Module):
        def __init__(self, encoder: Any) -> None:
            super().__init__()
            self.encoder = encoder
            self.dropout = nn.Dropout(DROPOUT)
            self.head = nn.Linear(encoder.config.hidden_size, tags)

        def forward(
            self, input_ids: torch.Tensor, attention_mask: torch.Tensor, token_type_ids: torch.Tensor
        ) -> torch.Tensor:
            # A finished mask: the library would build one in branches that the tracer of the export cannot follow.
            mask = (1.0 - attention_mask[:, None, None, :].float()) * _MASKED
            told = self.encoder(input_ids=input_ids, attention_mask=mask, token_type_ids=token_type_ids)
            found: torch.Tensor = self.head(self.dropout(told.last_hidden_state))
            return found

    logging.disable_progress_bar()
    logging.set_verbosity_error()
    encoder = AutoModel.from_pretrained(source, attn_implementation="eager", dtype=torch.float32)
    words = encoder.embeddings.word_embeddings.weight.detach()[list(kept)].clone()
    encoder.embeddings.word_embeddings = nn.Embedding.from_pretrained(words, freeze=True, padding_idx=0)
    encoder.config.vocab_size = len(kept)
    for parameter in encoder.embeddings.parameters():
        parameter.requires_grad = False
    return Network(encoder)


def _fit(
    network: Any,
    tokenizer: Tokenizer,
    tags: Sequence[str],
    rows: Sequence[LabelledQuery],
    epochs: int,
    seed: int,
    on_step: OnStep,
) -> None:
    import torch

    place = {tag: at for at, tag in enumerate(tags)}
    variants, order = QueryVariants(rows), random.Random(seed)
    epoch_rows = [_rows_of(rows, variants, f"{seed}:{epoch}") for epoch in range(epochs)]
    planned = sum(-(-len(some) // BATCH) for some in epoch_rows)
    inside = [p for p in network.encoder.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(
        [{"params": inside, "lr": RATE}, {"params": network.head.parameters(), "lr": HEAD_RATE}], weight_decay=0.01
    )
    warm = max(1, round(WARM_UP * planned))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: min((step + 1) / warm, max(0.0, (planned - step) / planned))
    )
    network.train()
    done = 0
    for some in epoch_rows:
        order.shuffle(some)
        for start in range(0, len(some), BATCH):
            inputs, targets = _batch(tokenizer, [tagged(row) for row in some[start : start + BATCH]], place)
            logits = network(**inputs)
            loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=_UNTOLD)
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), CLIP)
            optimiser.step()
            schedule.step()
            done += 1
            on_step(done, planned, float(loss.detach()))


def _rows_of(rows: Sequence[LabelledQuery], variants: QueryVariants, seed: str) -> list[LabelledQuery]:
    made = (variants.variant(row, f"{seed}:{number}") for number in range(VARIANTS) for row in rows)
    return [*rows, *(variant for variant in made if variant is not None)]


def _batch(
    tokenizer: Tokenizer, rows: Sequence[Sequence[tuple[str, str]]], place: dict[str, int]
) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
    """Return ids, mask and types ``[rows, tokens]``, and the tag of each first token of a word, others untold."""
    import torch

    encodings = [tokenizer.encode([word for word, _ in row], is_pretokenized=True) for row in rows]
    shape = (len(rows), max(len(encoding.ids) for encoding in encodings))
    ids, mask = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    targets = np.full(shape, _UNTOLD, dtype=np.int64)
    for at, (row, encoding) in enumerate(zip(rows, encodings, strict=True)):
        ids[at, : len(encoding.ids)] = encoding.ids
        mask[at, : len(encoding.ids)] = 1
        for first, (_, tag) in zip(first_tokens(encoding.word_ids, len(row)), row, strict=True):
            targets[at, first] = place[tag]
    inputs = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
    return {name: torch.from_numpy(value) for name, value in inputs.items()}, torch.from_numpy(targets)


def _export(network: Any, tokenizer: Path, out: Path) -> dict[str, str]:
    import logging

    import nncf

    from training.relevance_export import to_openvino, write_files

    nncf.set_log_level(logging.ERROR)
    model = nncf.compress_weights(to_openvino(network), mode=nncf.CompressWeightsMode.INT8_SYM)
    return write_files(model, tokenizer, out)


def _best_share(encoder: QueryTagger, field: CrfRoles, dev: Sequence[LabelledQuery]) -> float:
    def f1(share: float) -> float:
        """Return F1 of label and words together, over all roles of all queries."""
        mixed = MixedRoles(field, encoder, encoder.card.tags, share)
        pairs = [({*row.spans()}, {*mixed.roles(row.corrected)[0].spans()}) for row in dev]
        told = sum(len(wanted) + len(given) for wanted, given in pairs)
        return 2 * sum(len(wanted & given) for wanted, given in pairs) / told if told else 0.0

    return max(SHARES, key=f1)


def _write(out: Path, card: TaggerCard) -> None:
    write_whole(out / CARD, (card.model_dump_json(indent=1) + "\n").encode())
