"""Rebuilds a byte-level BPE tokenizer from the metadata of a GGUF file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from state.errors import ModelsError

_CONTROL = 3  # GGUF's token type of special tokens


def read_gguf_tokenizer(gguf: Path) -> Any:
    """Return a ``PreTrainedTokenizerFast`` with vocabulary, splitting rule, special tokens and chat template.

    transformers' own GGUF reader takes the tokenizer of every Llama-like model for CodeLlama's: other splitting of
    digits and another end token, so that structured decoding would wait for a token that the model never writes.

    Raises:
        ModelsError: the file's tokenizer is of another kind.
    """
    import gguf as gguf_format
    from tokenizers import AddedToken, Tokenizer, decoders, models
    from transformers import PreTrainedTokenizerFast

    fields = gguf_format.GGUFReader(gguf).fields

    def value(key: str, default: Any = None) -> Any:
        return fields[f"tokenizer.ggml.{key}"].contents() if f"tokenizer.ggml.{key}" in fields else default

    if value("model") != "gpt2":
        raise ModelsError(f"{gguf.name} has a '{value('model')}' tokenizer: fetch the model as a Hugging Face folder.")
    tokens = value("tokens")
    merges = [tuple(merge.split(" ", 1)) for merge in value("merges")]
    core = Tokenizer(models.BPE(vocab={token: i for i, token in enumerate(tokens)}, merges=merges))
    core.pre_tokenizer = _splitting(value("pre", "gpt-2"), gguf.name)
    core.decoder = decoders.ByteLevel()
    core.add_special_tokens(
        [AddedToken(t, special=True) for t, kind in zip(tokens, value("token_type"), strict=True) if kind == _CONTROL]
    )
    special = {
        f"{role}_token": tokens[token_id]
        for role, key in (("bos", "bos"), ("eos", "eos"), ("pad", "padding"), ("unk", "unknown"))
        if (token_id := value(f"{key}_token_id")) is not None
    }
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=core, clean_up_tokenization_spaces=False, **special)
    template = fields.get("tokenizer.chat_template")
    tokenizer.chat_template = template.contents() if template else None
    return tokenizer


def _splitting(rule: str, name: str) -> Any:
    from tokenizers import pre_tokenizers

    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    if rule == "smollm":
        return pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), byte_level])
    if rule == "gpt-2":
        return byte_level
    raise ModelsError(f"{name} splits text by the rule '{rule}', not known here: fetch it as a Hugging Face folder.")
