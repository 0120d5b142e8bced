"""Networks small enough to build in a test: a tokenizer of a few words, BERT and DeBERTa with random weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
_PLAIN = """, : yogurt greek vanilla berry bread rye wheat apple banana fruit pasta soap milk oat
breakfast snacks for the week dairy bakery produce household"""
WORDS = [*SPECIAL, *_PLAIN.split()]


def tiny_tokenizer() -> Any:
    """Return a word tokenizer that makes ``[CLS] theme [SEP] product [SEP]`` of a pair."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    tokenizer = Tokenizer(models.WordLevel({word: at for at, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", WORDS.index("[CLS]")), ("[SEP]", WORDS.index("[SEP]"))],
    )
    return tokenizer


def tiny_bert(layers: int = 3) -> Any:
    """Return a BERT sequence classifier of one logit whose weights are large enough to tell texts apart."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    torch.manual_seed(1)
    sizes = {"hidden_size": 24, "num_hidden_layers": layers, "num_attention_heads": 4, "intermediate_size": 48}
    model = BertForSequenceClassification(
        BertConfig(vocab_size=len(WORDS), max_position_embeddings=64, num_labels=1, **sizes)
    )
    return _spread(model)


def tiny_deberta(spread: float = 0.3, **changed: Any) -> Any:
    """Return a DeBERTa sequence classifier of one logit, as the library builds it."""
    import torch
    from transformers import DebertaV2Config, DebertaV2ForSequenceClassification

    torch.manual_seed(2)
    given = {
        "vocab_size": len(WORDS),
        "hidden_size": 24,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 48,
        "max_position_embeddings": 64,
        "relative_attention": True,
        "pos_att_type": ["p2c", "c2p"],
        "num_labels": 1,
    }
    return _spread(DebertaV2ForSequenceClassification(DebertaV2Config(**{**given, **changed})), spread)


def _spread(model: Any, spread: float = 0.3) -> Any:
    import torch

    for parameter in model.parameters():
        if parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=spread)
    return model.eval()


def save_base(folder: Path, model: Any) -> Path:
    """Write ``model`` and the tokenizer into ``folder`` as a Hugging Face folder."""
    model.save_pretrained(folder)
    tiny_tokenizer().save(str(folder / "tokenizer.json"))
    return folder


def tiny_inputs() -> dict[str, Any]:
    """Return a batch of three pairs of different length, padded."""
    import torch

    lengths, longest = (12, 5, 9), 12
    chance = torch.Generator().manual_seed(3)
    ids = torch.randint(4, len(WORDS), (3, longest), generator=chance)
    mask = torch.tensor([[1] * length + [0] * (longest - length) for length in lengths])
    types = torch.tensor([[0] * 3 + [1] * (longest - 3)] * 3)
    return {"input_ids": ids * mask, "attention_mask": mask, "token_type_ids": types * mask}


def tiny_cross_encoder(folder: Path, threshold: float = 0.5) -> Path:
    """Write a whole cross-encoder of random weights into ``folder``, as the scorer loads it."""
    from engines.cross_encoder import CrossEncoderRecord
    from training.relevance_export import to_openvino, write_files, write_record
    from training.relevance_lean import LeanDeberta
    from training.relevance_model import deberta_of_bert

    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = folder.parent / f"{folder.name}-tokenizer.json"
    tiny_tokenizer().save(str(tokenizer))
    files = write_files(to_openvino(LeanDeberta(deberta_of_bert(tiny_bert()), 24)), tokenizer, folder)
    record = CrossEncoderRecord(
        files=files, max_tokens=24, scale=2.0, shift=-0.5, threshold=threshold, chosen_on="a test", command="a test"
    )
    write_record(folder, record)
    return folder


def record_of(folder: Path) -> dict[str, Any]:
    """Return the record in ``folder`` as it is written."""
    from engines.cross_encoder import RECORD

    found: dict[str, Any] = json.loads((folder / RECORD).read_text("utf-8"))
    return found
