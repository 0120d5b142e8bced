"""Builds the networks of the relevance model: MiniLM as a cross-encoder, and the DeBERTa that takes its weights."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from state.errors import ModelsError

if TYPE_CHECKING:
    import torch
    from transformers import BertForSequenceClassification, DebertaV2ForSequenceClassification, PreTrainedModel

POSITION_BUCKETS = 64
_SHARE = 3
"""DeBERTa adds up three attention terms (content-content, content-position, position-content) under one root."""
_RENAMED = (
    ("bert.encoder.layer.", "deberta.encoder.layer."),
    ("bert.embeddings.", "deberta.embeddings."),
    ("bert.pooler.", "pooler."),
    (".attention.self.query.", ".attention.self.query_proj."),
    (".attention.self.key.", ".attention.self.key_proj."),
    (".attention.self.value.", ".attention.self.value_proj."),
)


def minilm_cross_encoder(source: Path, seed: int) -> BertForSequenceClassification:
    """Return MiniLM of ``source`` (a Hugging Face folder) with a new head of one logit.

    Raises:
        ModelsError: ``source`` holds no BERT.
    """
    import torch
    from transformers import BertForSequenceClassification

    torch.manual_seed(seed)
    return _loaded(BertForSequenceClassification, source)


def deberta_base(source: Path, seed: int) -> DebertaV2ForSequenceClassification:
    """Return the DeBERTa of ``source`` (a Hugging Face folder such as microsoft/deberta-v3-small) with one logit.

    Raises:
        ModelsError: ``source`` holds no DeBERTa-v2/v3.
    """
    import torch
    from transformers import DebertaV2ForSequenceClassification

    torch.manual_seed(seed)
    return _loaded(DebertaV2ForSequenceClassification, source)


def _loaded(kind: type[PreTrainedModel], source: Path) -> Any:
    from transformers import AutoConfig

    wanted = getattr(kind.config_class, "model_type", None)
    try:
        config = AutoConfig.from_pretrained(source, local_files_only=True)
        if config.model_type != wanted:
            raise ModelsError(f"{source} holds a {config.model_type} model, not {wanted}. Name another folder.")
        model = kind.from_pretrained(source, num_labels=1, dtype="float32", local_files_only=True)
    except (OSError, ValueError) as error:
        raise ModelsError(f"no model can be loaded from {source} ({str(error).splitlines()[0]}).") from error
    return model


def deberta_of_bert(bert: BertForSequenceClassification, layers: list[int] | None = None) -> Any:
    """Return a DeBERTa that computes what ``bert`` computes, before any training of its own.

    Three choices make the two functions equal (tests compare the logits): the absolute positions stay
    (``position_biased_input``), the relative ones start at zero, and query and key are scaled by 3^(1/4) each because
    DeBERTa divides by sqrt(3 d) where BERT divides by sqrt(d). With relative positions at zero the position-content
    term is the query's bias against each key: it is counted twice, so the bias is halved.
    ``layers`` keeps only those of the BERT's layers (then the functions differ).
    """
    from transformers import DebertaV2ForSequenceClassification

    kept = list(range(bert.config.num_hidden_layers)) if layers is None else layers
    model = DebertaV2ForSequenceClassification(_config_of(bert, len(kept)))
    state = _renamed(bert.state_dict(), kept)
    root = _SHARE**0.25
    for name in state:
        if ".query_proj." in name or ".key_proj." in name:
            state[name] = state[name] * (root / 2 if name.endswith("query_proj.bias") else root)
    state["deberta.encoder.rel_embeddings.weight"] = model.deberta.encoder.rel_embeddings.weight.detach() * 0
    missing, unexpected = model.load_state_dict(state, strict=False)
    if missing or unexpected:
        raise ModelsError(f"weights do not map onto DeBERTa: missing {missing[:3]}, unexpected {unexpected[:3]}")
    return model


def _config_of(bert: BertForSequenceClassification, layers: int) -> Any:
    from transformers import DebertaV2Config

    old = bert.config
    # The class takes its fields as keywords that its signature does not show.
    make: Any = DebertaV2Config
    return make(
        vocab_size=old.vocab_size,
        hidden_size=old.hidden_size,
        num_hidden_layers=layers,
        num_attention_heads=old.num_attention_heads,
        intermediate_size=old.intermediate_size,
        hidden_act=old.hidden_act,
        hidden_dropout_prob=old.hidden_dropout_prob,
        attention_probs_dropout_prob=old.attention_probs_dropout_prob,
        max_position_embeddings=old.max_position_embeddings,
        type_vocab_size=old.type_vocab_size,
        layer_norm_eps=old.layer_norm_eps,
        pad_token_id=old.pad_token_id,
        relative_attention=True,
        position_biased_input=True,
        position_buckets=POSITION_BUCKETS,
        norm_rel_ebd="none",
        share_att_key=True,
        pos_att_type=["c2p", "p2c"],
        pooler_hidden_size=old.hidden_size,
        pooler_hidden_act="tanh",
        pooler_dropout=0.0,
        cls_dropout=old.hidden_dropout_prob,
        num_labels=1,
    )


def _renamed(state: dict[str, torch.Tensor], kept: list[int]) -> dict[str, torch.Tensor]:
    renamed = {}
    for name, tensor in state.items():
        for old, new in _RENAMED:
            name = name.replace(old, new)
        parts = name.split(".")
        if parts[:3] == ["deberta", "encoder", "layer"]:
            if int(parts[3]) not in kept:
                continue
            parts[3] = str(kept.index(int(parts[3])))
        if parts[-1] != "position_ids":
            renamed[".".join(parts)] = tensor.clone()
    return renamed


def freeze_words(model: PreTrainedModel) -> None:
    """Keep the word embeddings as they are: labelled themes hold a small part of the words that products have."""
    model.get_input_embeddings().weight.requires_grad_(False)


def parameters_in_millions(model: PreTrainedModel) -> float:
    return round(math.fsum(tensor.numel() for tensor in model.parameters()) / 1e6, 2)
