"""How often a choice leaves its list, by the way the list is given: ``python benchmarks/vocabulary_lock.py``.

Decodes lists of grocery terms at temperatures 1.0 and 1.5 under a prompt that asks for terms outside of the list, and
counts what came out and was not in it. Needs the weights (``shelfwise models fetch``).
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Sequence
from typing import Any

from engines.grammar import json_grammar
from engines.models import model_path
from state.settings import load_settings

TERMS = [
    *("gluten free brown sugar oatmeal", "breakfast scramble", "multigrain breakfast sandwich"),
    *("gluten free sugar oatmeal", "breakfast scramble wrap", "gluten free brown sugar", "baby breakfast"),
    *("organic 3 eggs", "gluten free oatmeal", "scramble", "brown sugar instant oatmeal", "breakfast sandwich"),
    *("gluten free instant oatmeal", "gluten free oats", "gluten free sugar", "breakfast bowl"),
    *("gluten free rolled oats", "breakfast burrito", "gluten free brownie", "breakfast biscuits"),
    *("breakfast blend coffee", "organic breakfast", "breakfast bites", "gluten free cut oats"),
    *("gluten free chocolate brownie", "lunchable", "morning snack", "gluten free brownie mix", "lunch"),
    *("breakfast tea", "gluten free brownie bites", "breakfast bars", "oatmeal", "gluten free cereal"),
    *("gluten free donuts", "gluten free meal", "breakfast syrup", "organic oatmeal", "breakfast patties"),
]
TEMPTING = "Pick keywords: gluten free breakfast, breakfast sandwichable, gluten free 3 eggs, caviar."


def ways() -> dict[str, dict[str, str]]:
    """Return the arguments of ``StructuredOutputConfig`` for each way to give the list."""
    schema: dict[str, Any] = {"type": "array", "minItems": 1, "maxItems": 8, "items": {"enum": TERMS}}
    quoted = [json.dumps(json.dumps(term)) for term in TERMS]
    choice = " | ".join(quoted)
    pattern = "|".join(re.escape(term).replace("\\ ", " ") for term in TERMS)
    rules = "".join(f"term{number} ::= {text}\n" for number, text in enumerate(quoted))
    names = " | ".join(f"term{number}" for number in range(len(TERMS)))
    root = 'root ::= "[" item (", " item){0,7} "]"\n'
    return {
        "the runtime's JSON-schema mode": {"json_schema": json.dumps(schema)},
        "a regular expression": {"regex": rf'\["({pattern})"(, "({pattern})"){{0,7}}\]'},
        "EBNF, one alternation": {"grammar": f"{root}item ::= {choice}\n"},
        "EBNF, a rule per term": {"grammar": f"{root}item ::= {names}\n{rules}"},
        "ours, prefix tree (may repeat)": {"grammar": json_grammar(schema)},
        "ours, chain (no repetition)": {"grammar": json_grammar({**schema, "uniqueItems": True})},
    }


def decode(pipeline: Any, structure: dict[str, str], samples: int) -> list[str]:
    """Return every term of every list decoded; a list cut by the token limit gives its whole terms."""
    import openvino_genai

    configs = []
    for seed in range(samples):
        config = openvino_genai.GenerationConfig()
        config.max_new_tokens, config.do_sample, config.rng_seed = 90, True, seed
        config.temperature = 1.0 if seed % 2 else 1.5
        config.structured_output_config = openvino_genai.StructuredOutputConfig(**structure)
        configs.append(config)
    tokenizer = pipeline.get_tokenizer()
    prompt = tokenizer.apply_chat_template([{"role": "user", "content": TEMPTING}], add_generation_prompt=True)
    answers = pipeline.generate([prompt] * samples, configs)
    return [term for answer in answers for term in re.findall(r'"([^"]*)"', answer.m_generation_ids[0])]


def table(pipeline: Any, samples: int) -> Sequence[str]:
    """Return the Markdown rows of every way."""
    lines = ["| the list is given as | terms decoded | outside the list | for example |", "|---|---|---|---|"]
    for name, structure in ways().items():
        decoded = decode(pipeline, structure, samples)
        outside = [term for term in decoded if term not in TERMS]
        lines.append(f"| {name} | {len(decoded)} | {len(outside)} | {', '.join(sorted(set(outside))[:3])} |")
    return lines


def main() -> None:
    import openvino_genai

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=40, help="lists decoded for each way (default 40)")
    samples = parser.parse_args().samples
    folder = model_path(load_settings(), "smollm2-135m-instruct")
    scheduler = openvino_genai.SchedulerConfig()
    scheduler.cache_size = 1
    print("\n".join(table(openvino_genai.ContinuousBatchingPipeline(str(folder), scheduler, "CPU", {}, {}), samples)))


if __name__ == "__main__":
    main()
