"""The scorer of theme-product pairs that the settings ask for."""

from __future__ import annotations

from engines.cross_encoder import load_cross_encoder, read_cross_encoder_record
from engines.scorer import BY_EMBEDDING, EmbeddingSimilarityScorer, similarity_threshold
from state.guard import Embedder, PairScorer
from state.settings import Settings
from tools.mixed_scorer import check_mix_embedder, load_mixed_scorer, read_mix_record


def scorer_name(settings: Settings) -> str:
    """Return the name of the scorer that :func:`load_scorer` would load, without loading it.

    Raises:
        ModelsError: a model is not there, its record cannot be understood, or it is of another embedder.
    """
    kind, path = settings.scorer.kind, settings.scorer.path
    if kind == "embedding":
        return f"{BY_EMBEDDING}/{settings.embedder.model}"
    if kind == "cross-encoder":
        return read_cross_encoder_record(path).name
    record = read_mix_record(path)
    check_mix_embedder(record, settings.embedder.model, path)
    return record.name


def load_scorer(settings: Settings, embedder: Embedder | None = None) -> PairScorer:
    """Return the scorer of theme-product pairs that the settings ask for.

    The mix and embedding similarity use ``embedder``; without it, the one that the settings name is loaded.

    Raises:
        ModelsError: a model is missing, damaged or not the one that was calibrated.
    """
    if settings.scorer.kind == "cross-encoder":
        return load_cross_encoder(settings.scorer.path, settings.threads)
    if embedder is None:
        from engines.embedder import load_embedder

        embedder = load_embedder(settings)
    if settings.scorer.kind == "mix":
        return load_mixed_scorer(settings.scorer.path, embedder, settings.threads)
    return EmbeddingSimilarityScorer(embedder, similarity_threshold(f"{BY_EMBEDDING}/{embedder.name}"))
