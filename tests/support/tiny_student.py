"""A language model of a few thousand weights with a tokenizer of bytes, and something for it to learn."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from training.examples import Task
from training.student_config import StudentConfig
from training.student_data import StudentData
from training.student_sequences import TokenSequence

TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def tiny_tokenizer() -> Any:
    """Return a tokenizer with one token a byte and the marks of a chat."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    marks = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    plain = Tokenizer(models.BPE(vocab={text: number for number, text in enumerate([*marks, *letters])}, merges=[]))
    plain.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    plain.decoder = decoders.ByteLevel()
    plain.add_special_tokens(marks)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=plain, eos_token=marks[2], pad_token=marks[2])
    tokenizer.chat_template = TEMPLATE
    return tokenizer


def tiny_base(folder: Path, *, hidden: int = 16) -> Path:
    """Write an untrained Llama of two layers with its tokenizer to ``folder``."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(1)
    config = LlamaConfig(
        vocab_size=259,
        hidden_size=hidden,
        intermediate_size=2 * hidden,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=512,
        eos_token_id=2,
        pad_token_id=2,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    tiny_tokenizer().save_pretrained(folder)
    return folder


def tiny_data(train: int = 24, dev: int = 4) -> StudentData:
    """Return sequences of three tasks; an answer repeats the letter of its task."""
    chance = random.Random(3)

    def sequence(task: Task, number: int) -> TokenSequence:
        letter = {Task.DESIGN: 50, Task.KEYWORDS: 60, Task.JUDGE: 70}[task]
        prompt = [1, letter, *(chance.randrange(3, 259) for _ in range(chance.randrange(4, 20)))]
        answer = [letter] * chance.randrange(2, 8) + [2]
        return TokenSequence(task, f"{task}-{number}", prompt + answer, len(answer))

    def split(count: int) -> dict[Task, list[TokenSequence]]:
        tasks = (Task.DESIGN, Task.KEYWORDS, Task.JUDGE)
        return {task: [sequence(task, number) for number in range(count)] for task in tasks}

    return StudentData(split(train), split(dev), {"design: title breaks the schema": 2})


def tiny_config(data: StudentData, **changes: Any) -> StudentConfig:
    """Return the values of a run of a few seconds."""
    values: dict[str, Any] = {
        "base": "tiny",
        "base_digest": "0",
        "tasks": tuple(data.train),
        "shares": dict.fromkeys(data.train, 1.0),
        "samples": 1.0,
        "tokens": 2000,
        "rank": 4,
        "alpha": 8,
        "learning_rate": 1e-2,
        "data": data.versions(),
    }
    return StudentConfig(**{**values, **changes})
