"""Writes a trained relevance model as int8 OpenVINO files, with the record that the scorer loads it by."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from engines.cross_encoder import FILES, RECORD, CrossEncoderRecord, compile_cross_encoder
from engines.manifest import sha256_of
from training.datasets import write_whole
from training.relevance_fit import Encoded, collate

if TYPE_CHECKING:
    import openvino
    from torch import nn

Precision = Literal["fp32", "int8-weights", "int8"]
CALIBRATION_PAIRS = 256
_CALIBRATION_BATCH = 4
_IR, _WEIGHTS, _TOKENIZER = FILES


def to_openvino(network: nn.Module) -> openvino.Model:
    """Return ``network`` (ids, mask and types in, logits out) as an OpenVINO model in 32-bit floats."""
    import openvino
    import torch

    example = {
        name: torch.ones((2, 8), dtype=torch.int64) for name in ("input_ids", "attention_mask", "token_type_ids")
    }
    with warnings.catch_warnings():
        # Branches on the number of queries are fixed by the network's shape, which the tracer cannot know.
        warnings.filterwarnings("ignore", category=torch.jit.TracerWarning)
        return openvino.convert_model(network.eval(), example_input=example)


def quantised(model: openvino.Model, data: Encoded, precision: Precision) -> openvino.Model:
    """Return ``model`` with 8-bit weights, or 8-bit weights and activations (ranges from a sample of ``data``)."""
    import nncf

    if precision == "fp32":
        return model
    if precision == "int8-weights":
        return nncf.compress_weights(model.clone(), mode=nncf.CompressWeightsMode.INT8_SYM)
    rows = np.linspace(0, len(data) - 1, min(CALIBRATION_PAIRS, len(data))).astype(int).tolist()
    parts = [rows[at : at + _CALIBRATION_BATCH] for at in range(0, len(rows), _CALIBRATION_BATCH)]
    samples = [{name: tensor.numpy() for name, tensor in collate(data, part).items()} for part in parts]
    return nncf.quantize(
        model.clone(), nncf.Dataset(samples), model_type=nncf.ModelType.TRANSFORMER, subset_size=len(samples)
    )


def answers_of(model: openvino.Model, data: Encoded, batch_size: int = 64) -> np.ndarray:
    """Return float32 ``[len(data)]``: the logit that ``model`` gives each pair."""
    import openvino

    queue = openvino.AsyncInferQueue(compile_cross_encoder(model))
    found = np.empty(len(data), dtype=np.float32)

    def keep(request: openvino.InferRequest, rows: list[int]) -> None:
        found[rows] = request.get_output_tensor(0).data[:, 0]

    queue.set_callback(keep)
    order = sorted(range(len(data)), key=lambda row: len(data.ids[row]))
    for start in range(0, len(order), batch_size):
        rows = order[start : start + batch_size]
        queue.start_async({name: tensor.numpy() for name, tensor in collate(data, rows).items()}, rows)
    queue.wait_all()
    return found


def write_files(model: openvino.Model, tokenizer: Path, out: Path) -> dict[str, str]:
    """Write ``model`` and a copy of ``tokenizer`` into ``out``; return the SHA-256 of each file by name."""
    import openvino

    out.mkdir(parents=True, exist_ok=True)
    openvino.save_model(model, out / _IR, compress_to_fp16=False)
    shutil.copyfile(tokenizer, out / _TOKENIZER)
    return {name: sha256_of(out / name) for name in FILES}


def write_record(out: Path, record: CrossEncoderRecord) -> None:
    """Write what the scorer needs to know into ``out``."""
    write_whole(out / RECORD, (record.model_dump_json(indent=2) + "\n").encode())


def megabytes(out: Path, names: Sequence[str] = FILES) -> float:
    """Return the size of the model's files."""
    return round(sum((out / name).stat().st_size for name in names) / 1e6, 1)
