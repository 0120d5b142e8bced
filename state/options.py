"""What a person may turn for one run of the page graph (its context schema)."""

from __future__ import annotations

import hashlib
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class PageOptions(BaseModel):
    """Knobs of one page run. Studio shows them as the graph's context; ``shelfwise.toml`` sets the defaults."""

    model_config = ConfigDict(extra="forbid")

    themes: int = Field(default=6, ge=1, le=12, description="Themes that the page designer is asked for.")
    design_mode: Literal["grounded", "ideas", "free"] = Field(
        default="grounded",
        description="grounded: each theme starts from a part of the history and its concepts are corpus terms, which "
        "an untuned small model needs. ideas: titles, needs and concepts in one answer, rationales stated from the "
        "orders, which the tuned student is trained for. free: the model writes the whole page, rationales too.",
    )
    design_parts: int = Field(
        default=1,
        ge=1,
        le=12,
        description="In mode ideas: the history is split into so many parts, by department, each designed for by "
        "itself and all at once. A small model then keeps to what is bought.",
    )
    spare_themes: int = Field(
        default=0,
        ge=0,
        le=6,
        description="In mode ideas: so many themes more are asked for, and those most like another are left out.",
    )
    candidates: int = Field(default=100, ge=10, le=400, description="Corpus terms retrieved for a theme.")
    keywords_shown: int | None = Field(
        default=None,
        ge=1,
        le=400,
        description="Of the terms retrieved, so many are shown to the keyword writer: the likeliest (docs/student.md), "
        "and so many more at each new attempt. A small model chooses better from few; without it all are shown.",
    )
    products_per_placement: int = Field(default=12, ge=1, le=50, description="Products kept for a placement.")
    min_products: int = Field(default=3, ge=1, description="A placement with fewer products is thin and fails.")
    min_placements: int = Field(default=2, ge=1, description="A page with fewer placements falls back to rules.")
    max_attempts: int = Field(default=2, ge=1, le=5, description="How often a placement's keywords may be written.")
    max_repairs: int = Field(default=1, ge=0, le=2, description="Rounds of repair that page guards may ask for.")
    judge_share: float = Field(
        default=0.1, ge=0, le=1, description="Share of shoppers whose pages the LLM judge reads (stable by shopper)."
    )
    hold_out_last: bool = Field(default=False, description="Leave each shopper's latest order out of the context.")
    guards: dict[str, dict[str, Any]] = Field(
        default_factory=dict,
        description='Guard settings for this run: {"relevance": {"threshold": 0.4}, "judge": {"enabled": false}}',
    )

    @property
    def version(self) -> str:
        """Short digest of all but the guards' settings, which count in the guards' version."""
        return hashlib.sha256(self.model_dump_json(exclude={"guards"}).encode()).hexdigest()[:12]

    def over(self, base: PageOptions) -> PageOptions:
        """Return ``base`` with the fields that were set here explicitly laid over it (guards merged by name)."""
        update = {name: getattr(self, name) for name in self.model_fields_set}
        if "guards" in update:
            update["guards"] = {
                name: {**base.guards.get(name, {}), **self.guards.get(name, {})}
                for name in {**base.guards, **self.guards}
            }
        return base.model_copy(update=update)
