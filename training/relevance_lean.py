"""The same DeBERTa with less work: what training runs and what is exported.

The library's forward pass gathers relative scores one by one, builds masks in scripted branches that quantisation
cannot read, and runs the last layer over every token though only the first is read. This one gives the same logits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

if TYPE_CHECKING:
    from transformers import DebertaV2ForSequenceClassification, PreTrainedModel


class LogitsOf(nn.Module):
    """A sequence classifier of the library that returns its logits alone."""

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        self.model = model

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, token_type_ids: torch.Tensor
    ) -> torch.Tensor:
        """Return logits ``[batch, labels]`` of int64 ``[batch, tokens]`` inputs."""
        inputs = {"input_ids": input_ids, "attention_mask": attention_mask, "token_type_ids": token_type_ids}
        return self.model(**inputs).logits


class LeanDeberta(nn.Module):
    """Runs the modules of a ``DebertaV2ForSequenceClassification`` on pairs of at most ``max_tokens`` tokens.

    Parameters are shared with ``model``, so training one trains the other.
    """

    places: torch.Tensor

    def __init__(self, model: DebertaV2ForSequenceClassification, max_tokens: int) -> None:
        from transformers.models.deberta_v2.modeling_deberta_v2 import make_log_bucket_position

        super().__init__()
        config = model.config
        kinds = set(config.pos_att_type or [])
        if not config.relative_attention or kinds != {"c2p", "p2c"} or getattr(config, "conv_kernel_size", None):
            raise ValueError("only DeBERTa with c2p and p2c attention and without convolution has a lean form")
        self.model = model
        self.max_tokens = max_tokens
        self.heads = config.num_attention_heads
        self.scale = (config.hidden_size // self.heads * 3) ** -0.5
        layers: Any = model.deberta.encoder.layer
        attention = layers[0].attention.self
        span = attention.pos_ebd_size
        offsets = torch.arange(1 - max_tokens, max_tokens)
        if attention.position_buckets > 0:
            offsets = make_log_bucket_position(offsets, attention.position_buckets, attention.max_relative_positions)
        self.register_buffer("places", (offsets.long() + span).clamp(0, span * 2 - 1), persistent=False)

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, token_type_ids: torch.Tensor
    ) -> torch.Tensor:
        """Return logits ``[batch, labels]`` of int64 ``[batch, tokens]`` inputs."""
        deberta = self.model.deberta
        kept = attention_mask.to(torch.float32)
        hidden = self._embedded(input_ids, token_type_ids) * kept.unsqueeze(-1)
        barred = (1.0 - kept[:, None, None, :]) * -1e4
        positions = self._positions(input_ids.shape[1])
        last = len(deberta.encoder.layer) - 1
        for number, layer in enumerate(deberta.encoder.layer):
            hidden = self._layer(layer, hidden, barred, positions, first_only=number == last)
        logits: torch.Tensor = self.model.classifier(self.model.dropout(self.model.pooler(hidden)))
        return logits

    def _embedded(self, input_ids: torch.Tensor, token_type_ids: torch.Tensor) -> torch.Tensor:
        parts = self.model.deberta.embeddings
        hidden = parts.word_embeddings(input_ids)
        if parts.position_embeddings is not None:
            hidden = hidden + parts.position_embeddings.weight[: input_ids.shape[1]]
        if parts.token_type_embeddings is not None:
            hidden = hidden + parts.token_type_embeddings(token_type_ids)
        if parts.embed_proj is not None:
            hidden = parts.embed_proj(hidden)
        return parts.dropout(parts.LayerNorm(hidden))

    def _positions(self, length: int) -> torch.Tensor:
        """Return embeddings ``[2 length - 1, hidden]`` of the offsets 1 - length ... length - 1 (query minus key)."""
        places = self.places[self.max_tokens - length : self.max_tokens + length - 1]
        return self.model.deberta.encoder.get_rel_embedding()[places]

    def _layer(
        self, layer: Any, hidden: torch.Tensor, barred: torch.Tensor, positions: torch.Tensor, *, first_only: bool
    ) -> torch.Tensor:
        part = layer.attention.self
        asking = hidden[:, :1] if first_only else hidden
        query, key, value = (
            self._split(project(tokens))
            for project, tokens in ((part.query_proj, asking), (part.key_proj, hidden), (part.value_proj, hidden))
        )
        positions = part.pos_dropout(positions)
        to_place = part.key_proj if part.share_att_key else part.pos_key_proj
        of_place = part.query_proj if part.share_att_key else part.pos_query_proj
        place_keys, place_queries = self._split(to_place(positions)[None]), self._split(of_place(positions)[None])
        relative = _relative_scores(query, key, place_keys, place_queries)
        scores = (query @ key.transpose(-1, -2) + relative) * self.scale + barred
        mixed = part.dropout(scores.softmax(-1)) @ value
        mixed = mixed.transpose(1, 2).flatten(2)
        attended = layer.attention.output(mixed, asking)
        return layer.output(layer.intermediate(attended), attended)

    def _split(self, states: torch.Tensor) -> torch.Tensor:
        """Return ``[batch, tokens, hidden]`` as ``[batch, heads, tokens, hidden / heads]``."""
        return states.unflatten(-1, (self.heads, -1)).transpose(1, 2)


def _relative_scores(
    query: torch.Tensor, key: torch.Tensor, place_keys: torch.Tensor, place_queries: torch.Tensor
) -> torch.Tensor:
    """Return ``[batch, heads, queries, keys]``: content to position plus position to content."""
    length = key.shape[2]
    if query.shape[2] == 1:
        # The first token alone: its offset to key j is -j.
        nearest = slice(0, length)
        content_to_place = (query @ place_keys[:, :, nearest].transpose(-1, -2)).flip(-1)
        place_to_content = (key * place_queries[:, :, nearest].flip(2)).sum(-1).unsqueeze(2)
        return content_to_place + place_to_content
    content_to_place = _shifted(query @ place_keys.flip(2).transpose(-1, -2), length)
    place_to_content = _shifted(key @ place_queries.transpose(-1, -2), length).transpose(-1, -2)
    return content_to_place + place_to_content


def _shifted(scores: torch.Tensor, length: int) -> torch.Tensor:
    """Return ``[..., i, j] = scores[..., i, j + length - 1 - i]`` of ``[..., length, 2 length - 1]``."""
    flat = scores.flatten(2)[:, :, length - 1 : -1]
    return flat.unflatten(-1, (length, -1))[..., :length]
