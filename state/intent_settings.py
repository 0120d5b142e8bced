"""The ``[intent]`` settings: how typed queries are understood, and where what is known of them lies."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

_PROJECT_ROOT = Path(__file__).resolve().parent.parent


class IntentSettings(BaseModel):
    """Query understanding (docs/intents.md). The head cache lies in the store of ``[store]``."""

    model_config = ConfigDict(extra="forbid")

    labelled: Path = Field(
        default=_PROJECT_ROOT / "models" / "intents" / "labelled_queries.jsonl.gz",
        description="Queries with known answers (JSON lines), below the project: examples for prompts, head answers.",
    )
    prompts: Literal["compact", "full"] = Field(
        default="compact",
        description="What the query models are asked: few tokens, for the tuned student, or instructions, reasoning "
        "and examples, for a large model.",
    )
    rewrites: Literal["needed", "always"] = Field(
        default="needed", description="Ask for rewrites only where they can help, or for every query."
    )
    rank_categories: bool = Field(
        default=False, description="Let the model rank the categories found (docs/intents.md)."
    )
    min_confidence: float = Field(
        default=0.5, ge=0, le=1, description="A student's answer below it is not given, and queued for the teacher."
    )
    guards: dict[str, dict[str, Any]] = Field(default_factory=dict)
    cache_ttl_hours: float = Field(default=24 * 30, gt=0, description="A cached answer older than this is not given.")
    local_s: float = Field(default=30.0, ge=0, description="How old a process's own copy of a cached answer may be.")
    local_entries: int = Field(default=5000, ge=0, description="Cached answers that a process keeps at hand.")
    queue_limit: int = Field(default=10_000, ge=1, description="Queries that wait for the teacher, at most.")
    queue_days: float = Field(default=30.0, gt=0, description="A query that waits longer is forgotten.")

    @field_validator("labelled")
    @classmethod
    def _below_project(cls, path: Path) -> Path:
        return _PROJECT_ROOT / path.expanduser()
