"""Measures the engines: tokens per second by concurrency and form of answer, and embedding against torch.

Run ``python benchmarks/engine_speed.py`` after ``shelfwise models fetch``; it prints Markdown tables. Compare ratios:
all figures of a table come from one run, the absolute ones move with whatever else the machine does.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from engines.batching import shared_pipeline
from engines.download import installed_weights
from engines.embedder import load_embedder
from engines.grammar import json_grammar
from engines.installed import model_path
from engines.runtime import ModelSpec, Prompt
from engines.weights import KNOWN
from state.answers import design_schema, keyword_schema
from state.settings import Settings, load_settings

SUBJECTS = ["breakfast bowls", "taco night", "lunch boxes", "baking day", "green smoothies", "movie night"]
FOODS = ["oats", "yogurt", "banana", "tortillas", "salsa", "bread", "cheddar", "flour", "sugar", "spinach", "popcorn"]
KINDS = ["organic", "plain", "whole grain", "low fat", "frozen", "fresh", "unsweetened", "spicy", "mini"]
PHRASES = [f"{kind} {food}" for food in FOODS for kind in KINDS]
CONCURRENCY = (1, 4, 8)
TOKENS = 64


def keyword_prompt(subject: str) -> list[Any]:
    listed = "; ".join(PHRASES)
    return [
        {"role": "system", "content": "Choose up to 8 search keywords from the list. Answer in JSON only."},
        {"role": "user", "content": f'Title: "{subject}"\nKeywords: {listed}\nChoose the keywords for "{subject}".'},
    ]


def story_prompt(number: int) -> list[Any]:
    return [{"role": "user", "content": f"Write a long story, number {number}, about a shop that sells fruit."}]


def keyword_answer(*, unique: bool) -> dict[str, Any]:
    schema = keyword_schema(PHRASES, [], []).model_json_schema()
    keywords = {**schema["properties"]["keywords"], "uniqueItems": unique}
    return {**schema, "properties": {**schema["properties"], "keywords": keywords}}


def timed(work: Callable[[], int]) -> float:
    """Return what ``work`` counts, per second; the better of two runs."""
    best = 0.0
    for _ in range(2):
        started = time.perf_counter()
        best = max(best, work() / (time.perf_counter() - started))
    return best


def throughput(spec: ModelSpec, grammar: str | None) -> list[float]:
    """Return tokens per second written by 1, 4 and 8 concurrent requests."""
    pipeline = shared_pipeline(spec)
    pipeline.submit(Prompt(story_prompt(0), 2, grammar)).result()

    def written(concurrent: int) -> int:
        prompts = [Prompt(story_prompt(number), TOKENS, grammar) for number in range(concurrent)]
        return sum(answer.result().tokens_out for answer in [pipeline.submit(prompt) for prompt in prompts])

    return [timed(lambda n=n: written(n)) for n in CONCURRENCY]  # type: ignore[misc]


def print_throughput(folder: Path) -> None:
    grammar = json_grammar(design_schema(6).model_json_schema())
    print("\n| chat, tokens/s at concurrency | 1 | 4 | 8 |\n|---|---|---|---|")
    reference: list[float] = []
    for exact, form in ((True, "free"), (True, "schema"), (False, "free"), (False, "schema")):
        speeds = throughput(ModelSpec(folder, exact=exact), grammar if form == "schema" else None)
        reference = reference or speeds
        cells = " | ".join(f"{speed:.0f} (x{speed / ref:.2f})" for speed, ref in zip(speeds, reference, strict=True))
        print(f"| exact={str(exact).lower()}, {form} | {cells} |", flush=True)


def print_forms(folder: Path) -> None:
    """Compare the runtime's JSON-schema mode with our grammars on the keyword writer's task, greedy."""
    schema, distinct = keyword_answer(unique=False), keyword_answer(unique=True)
    forms: dict[str, dict[str, str]] = {
        "runtime's JSON-schema mode": {"json_schema": json.dumps(schema)},
        "grammar, one space": {"grammar": json_grammar(schema)},
        "grammar, one space, distinct": {"grammar": json_grammar(distinct)},
        "grammar, no space, distinct": {"grammar": json_grammar(distinct, spaced=False)},
    }
    print("\n| keyword answer | tokens | of them whitespace | keywords | distinct | first grammar use, s | valid |")
    print("|---|---|---|---|---|---|---|")
    for name, options in forms.items():
        print(f"| {name} | {form_row(folder, options)} |", flush=True)


def form_row(folder: Path, options: dict[str, str]) -> str:
    import openvino_genai

    scheduler = openvino_genai.SchedulerConfig()
    scheduler.cache_size = 1
    scheduler.enable_prefix_caching = True
    runtime = openvino_genai.ContinuousBatchingPipeline(folder, scheduler, "CPU")
    tokenizer = runtime.get_tokenizer()

    def answer(messages: list[Any], tokens: int) -> tuple[str, int]:
        config = openvino_genai.GenerationConfig()
        config.max_new_tokens = tokens
        config.structured_output_config = openvino_genai.StructuredOutputConfig(**options)
        text = tokenizer.apply_chat_template(messages, add_generation_prompt=True)
        output = runtime.generate([text], [config])[0]
        written = output.m_generation_ids[0]
        return written, tokenizer.encode(written, add_special_tokens=False).input_ids.shape[1]

    runtime.generate(["warm"], [openvino_genai.GenerationConfig(max_new_tokens=1)])
    started = time.perf_counter()
    answer([{"role": "user", "content": "warm"}], 1)
    first = time.perf_counter() - started
    written = [answer(keyword_prompt(subject), 400) for subject in SUBJECTS]
    tokens = np.mean([count for _, count in written])
    tight = [tokenizer.encode(squeezed(text), add_special_tokens=False).input_ids.shape[1] for text, _ in written]
    chosen = [parsed["keywords"] for text, _ in written if (parsed := parse(text))]
    count = np.mean([len(keywords) for keywords in chosen]) if chosen else 0
    different = np.mean([len(set(keywords)) for keywords in chosen]) if chosen else 0
    share = 1 - np.mean(tight) / tokens
    return (
        f"{tokens:.0f} | {share:.0%} | {count:.1f} | {different:.1f} | {first:.2f} | {len(chosen)} of {len(SUBJECTS)}"
    )


def parse(text: str) -> dict[str, Any] | None:
    try:
        value: dict[str, Any] = json.loads(text)
    except ValueError:
        return None
    return value


def squeezed(text: str) -> str:
    value = parse(text)
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")) if value else "".join(text.split())


def print_embedder(settings: Settings) -> None:
    from sentence_transformers import SentenceTransformer

    weights = installed_weights(KNOWN[settings.embedder.model])
    chance = np.random.default_rng(0)
    texts = [" ".join(chance.choice([*FOODS, *KINDS], size)) for size in chance.integers(1, 9, 2000)]
    embedder = load_embedder(settings)
    embedder.embed(texts[:200])
    ours = timed(lambda: len(embedder.embed(texts)))
    print("\n| embedder | texts/s | ratio | largest difference |\n|---|---|---|---|")
    if weights is None:
        print(f"| OpenVINO f32 | {ours:.0f} | | torch weights not installed |")
        return
    original = SentenceTransformer(str(weights.parent), device="cpu")
    original.encode(texts[:200])
    torch_speed = timed(lambda: len(original.encode(texts, batch_size=64)))
    difference = np.abs(original.encode(texts[:500]) - embedder.embed(texts[:500])).max()
    print(f"| torch f32, sentence-transformers | {torch_speed:.0f} | x1.00 | |")
    print(f"| OpenVINO f32 | {ours:.0f} | x{ours / torch_speed:.2f} | {difference:.1e} |")


def main() -> None:
    settings = load_settings()
    folder = model_path(settings, "smollm2-135m-instruct", kind="chat")
    print_throughput(folder)
    print_forms(folder)
    print_embedder(settings)


if __name__ == "__main__":
    main()
