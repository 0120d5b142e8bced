"""Turns downloaded weights into what the engines run: ``python -m engines.convert KIND SOURCE OUT [--hf FOLDER] ...``.

It is run as a process of its own: the exporters are noisy, slow to import and hold gigabytes until they end.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path

from engines.gguf_tokenizer import read_gguf_tokenizer
from engines.merged import merge_adapter


def convert_chat(
    source: Path, out: Path, keep_hf: Path | None = None, *, int8: bool = True, adapter: Path | None = None
) -> None:
    """Write OpenVINO IR, weights in int8 or 16 bit, and tokenizer of a causal language model into ``out``.

    ``source`` is a GGUF file (its weights are dequantised first) or a Hugging Face model folder. ``keep_hf``
    receives the plain bf16 weights, which a fine-tuning needs. ``adapter`` is merged into the weights before.
    """
    from optimum.intel import OVModelForCausalLM, OVWeightQuantizationConfig

    with tempfile.TemporaryDirectory(dir=out.parent) as scratch:
        plain = source
        if source.is_file():
            plain = Path(scratch)
            _dequantise(source, plain, keep_hf)
        if adapter:
            merged = Path(scratch) / "merged"
            merge_adapter(plain, adapter, merged)
            plain = merged
        model = OVModelForCausalLM.from_pretrained(
            plain,
            export=True,
            compile=False,
            local_files_only=True,
            quantization_config=OVWeightQuantizationConfig(bits=8) if int8 else None,
            load_in_8bit=int8,
        )
        model.save_pretrained(out)
        _convert_tokenizer(plain, out)
    (out / "openvino_config.json").unlink(missing_ok=True)  # names the scratch folder, nothing reads it


def _convert_tokenizer(plain: Path, out: Path) -> None:
    import openvino
    from openvino_tokenizers import convert_tokenizer
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(plain)
    tokenizer.save_pretrained(out)
    converted, detokenizer = convert_tokenizer(tokenizer, with_detokenizer=True, add_special_tokens=False)
    openvino.save_model(converted, out / "openvino_tokenizer.xml")
    openvino.save_model(detokenizer, out / "openvino_detokenizer.xml")


def _dequantise(gguf: Path, out: Path, keep_hf: Path | None) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=torch.float32)
    tokenizer = read_gguf_tokenizer(gguf)
    tokenizer.save_pretrained(out)
    model.save_pretrained(out)
    if keep_hf:
        tokenizer.save_pretrained(keep_hf)
        model.bfloat16().save_pretrained(keep_hf)


def convert_embedder(source: Path, out: Path) -> None:
    """Write OpenVINO IR (token ids and mask in, unit vectors out) and tokenizer of a BERT-like encoder into ``out``."""
    import openvino
    import torch
    from transformers import AutoModel

    class MeanPooled(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = AutoModel.from_pretrained(source, attn_implementation="sdpa")

        def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
            kept = attention_mask.to(torch.float32)
            # An additive mask of four dimensions: the library's own mask building cannot be traced.
            hidden = self.encoder(input_ids=input_ids, attention_mask=(1.0 - kept[:, None, None, :]) * -1e4)[0]
            kept = kept.unsqueeze(-1)
            mean = (hidden * kept).sum(1) / kept.sum(1).clamp(min=1e-9)
            return torch.nn.functional.normalize(mean, dim=-1)

    example = {name: torch.ones((2, 8), dtype=torch.int64) for name in ("input_ids", "attention_mask")}
    model = openvino.convert_model(MeanPooled().eval(), example_input=example)
    out.mkdir(parents=True, exist_ok=True)
    openvino.save_model(model, out / "openvino_model.xml", compress_to_fp16=False)
    shutil.copy(source / "tokenizer.json", out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=("chat", "embedder"))
    parser.add_argument("source", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--hf", type=Path, help="chat: where the plain weights are kept")
    parser.add_argument("--16bit", action="store_true", dest="wide", help="chat: no int8")
    parser.add_argument("--adapter", type=Path, help="chat: a LoRA file to merge into the weights")
    given = parser.parse_args()
    if given.kind == "embedder":
        convert_embedder(given.source, given.out)
    else:
        convert_chat(given.source, given.out, given.hf, int8=not given.wide, adapter=given.adapter)


if __name__ == "__main__":
    main()
