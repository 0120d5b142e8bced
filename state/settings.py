"""The one reader of the environment: settings from ``shelfwise.toml``, overridden by ``SHELFWISE_*`` variables.

``SHELFWISE_CONFIG`` names another file. Nested fields use two underscores:
``SHELFWISE_ROLES__JUDGE__BASE_URL=http://localhost:8000/v1``.
"""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from state.errors import SettingsError
from state.http import HttpSettings
from state.intent_settings import IntentSettings
from state.options import PageOptions
from state.ranking import RankerSettings

PROJECT_ROOT = Path(__file__).resolve().parent.parent
PageRole = Literal["designer", "keyword_writer", "judge"]
QueryRole = Literal["query_parser", "query_rewriter"]
Role = Literal[PageRole, QueryRole]
PAGE_ROLES: tuple[PageRole, ...] = get_args(PageRole)
"""The roles that a page depends on."""


class RoleSettings(BaseModel):
    """How one chat role is answered. Prices are in US dollars per million tokens."""

    model_config = ConfigDict(extra="forbid")

    engine: Literal["embedded", "openai"] = "embedded"
    model: str = "smollm2-135m-instruct"
    adapter: str | None = Field(
        default=None,
        description="LoRA adapter (PEFT safetensors) of the embedded engine. An endpoint takes none: there, name the "
        "served adapter as model.",
    )
    temperature: float = Field(default=0.0, ge=0, le=2)
    repetition_penalty: float = Field(default=1.0, ge=1, le=2, description="Embedded engine only.")
    max_tokens: int = Field(default=512, ge=1)
    max_reasks: int = Field(default=1, ge=0, le=5, description="Re-asks after an answer that breaks the schema.")
    timeout_s: float = Field(default=120.0, gt=0)
    seed: int = 7
    base_url: str | None = Field(default=None, description="OpenAI-compatible endpoint, engine 'openai' only.")
    api_key: SecretStr | None = None
    usd_per_mtok_in: float = Field(default=0.0, ge=0)
    usd_per_mtok_out: float = Field(default=0.0, ge=0)

    @model_validator(mode="after")
    def _endpoint_needs_an_address(self) -> RoleSettings:
        if self.engine == "openai" and not self.base_url:
            raise ValueError("engine 'openai' needs base_url (e.g. http://localhost:8000/v1)")
        if self.engine == "openai":
            # A role that is turned to an endpoint leaves the shipped adapter behind: there, it is part of the model.
            self.adapter = None
        return self


class EmbedderSettings(BaseModel):
    """The sentence embedder: a name that ``shelfwise models fetch`` knows."""

    model_config = ConfigDict(extra="forbid")

    model: str = "all-minilm-l6-v2"
    batch_size: int = Field(default=64, ge=1)


class ScorerSettings(BaseModel):
    """What scores theme-product pairs (docs/relevance.md).

    mix: the cross-encoder together with embedding similarity and shared words. cross-encoder: it alone. embedding:
    similarity alone, without training.
    """

    model_config = ConfigDict(extra="forbid")

    kind: Literal["mix", "cross-encoder", "embedding"] = "mix"
    path: Path = Field(
        default=PROJECT_ROOT / "models" / "relevance", description="Folder of cross-encoder and mix, below the project."
    )

    @field_validator("path")
    @classmethod
    def _below_project(cls, path: Path) -> Path:
        return PROJECT_ROOT / path.expanduser()


class IndexSettings(BaseModel):
    """HNSW settings of the keyword index; the defaults come from docs/benchmarks.md."""

    model_config = ConfigDict(extra="forbid")

    max_neighbors: int = Field(default=32, ge=4)
    ef_construction: int = Field(default=200, ge=10)
    ef_search: int = Field(default=200, ge=10)


class StoreSettings(BaseModel):
    """The page store (docs/page-store.md). Without ``url`` it is the SQLite file ``path``, below ``home``."""

    model_config = ConfigDict(extra="forbid")

    url: SecretStr | None = Field(
        default=None, description="postgresql://user:password@host/database or redis://:password@host:6379/0"
    )
    path: Path = Path("pages.sqlite")
    fresh_hours: float = Field(default=24, gt=0, description="A page older than this is served and made again.")
    ttl_hours: float = Field(default=24 * 7, gt=0, description="A page older than this is not served.")
    fallback_fresh_minutes: float = Field(default=10, gt=0, description="As fresh_hours, for pages made by rules.")
    check_interval_s: float = Field(
        default=1.0,
        ge=0,
        le=60,
        description="How old what a process remembers of store, rules and availability may be.",
    )
    timeout_s: float = Field(default=1.0, gt=0, description="The store counts as down when it takes longer.")
    recheck_s: float = Field(default=5.0, gt=0, description="A guard that judges a stored page longer has failed.")
    pause_s: float = Field(default=2.0, ge=0, description="How long a store that is down is left alone.")
    lease_s: float = Field(default=60.0, gt=0, description="A regeneration whose process died blocks no longer.")
    retry_minutes: float = Field(default=1.0, gt=0, description="First pause after a failed generation; doubles.")
    retry_max_hours: float = Field(default=6.0, gt=0)
    hot_pages: int = Field(default=500, ge=1, description="Pages kept ready in memory, about 150 KB each.")
    local_copies: int = Field(
        default=5000, ge=0, description="Pages kept packed for when the store is down, 5 KB each."
    )
    runs_kept: int = Field(default=500, ge=1, description="Runs listed for the operator.")

    @field_validator("url")
    @classmethod
    def _known_scheme(cls, url: SecretStr | None) -> SecretStr | None:
        schemes = ("postgresql", "postgres", "redis", "rediss")
        if url is not None and url.get_secret_value().partition("://")[0] not in schemes:
            raise ValueError(f"store.url starts with {'://, '.join(schemes)}:// (leave it out for SQLite)")
        return url

    @model_validator(mode="after")
    def _fresh_before_expired(self) -> StoreSettings:
        if self.fresh_hours > self.ttl_hours:
            raise ValueError("store.fresh_hours is at most store.ttl_hours")
        return self


class Settings(BaseSettings):
    """All settings. Relative paths are below ``home``; ``guards_dir`` is the drop-in folder of guards."""

    model_config = SettingsConfigDict(env_prefix="SHELFWISE_", env_nested_delimiter="__", extra="forbid")

    home: Path = Field(default=Path(".shelfwise"), description="Where weights, catalogues, indexes and pages live.")
    guards_dir: Path = PROJECT_ROOT / "guardrails"
    threads: int | None = Field(default=None, ge=1, description="CPU threads of the embedded engines (all if unset).")
    merged: bool = Field(
        default=True,
        description="A model made of exactly a role's model and adapter answers in their place (docs/student.md).",
    )
    exact: bool = Field(
        default=False,
        description="Embedded chat engine: the same answer whatever runs beside it, at half to 0.8 of the speed.",
    )
    roles: dict[Role, RoleSettings] = Field(default_factory=dict)
    embedder: EmbedderSettings = Field(default_factory=EmbedderSettings)
    scorer: ScorerSettings = Field(default_factory=ScorerSettings)
    keyword_selector: Literal["nearest"] | Path = Field(
        default=PROJECT_ROOT / "models" / "keywords",
        description='Folder of the model that cuts to page.keywords_shown, below the project; or "nearest".',
    )
    index: IndexSettings = Field(default_factory=IndexSettings)
    store: StoreSettings = Field(default_factory=StoreSettings)
    ranker: RankerSettings = Field(default_factory=RankerSettings)
    intent: IntentSettings = Field(default_factory=IntentSettings)
    page: PageOptions = Field(default_factory=PageOptions)
    http: HttpSettings = Field(default_factory=HttpSettings)
    guards: dict[str, dict[str, Any]] = Field(default_factory=dict)

    @field_validator("keyword_selector")
    @classmethod
    def _below_project(cls, selector: Path | str) -> Path | str:
        return PROJECT_ROOT / selector.expanduser() if isinstance(selector, Path) else selector

    @field_validator("home", "guards_dir")
    @classmethod
    def _expand(cls, path: Path) -> Path:
        return path.expanduser().absolute()

    @model_validator(mode="after")
    def _every_role_is_set(self) -> Settings:
        for role in get_args(Role):
            self.roles.setdefault(role, RoleSettings())
        return self

    def without_adapters(self) -> Settings:
        """Return the settings with every role answered by its model alone."""
        bare = {name: role.model_copy(update={"adapter": None}) for name, role in self.roles.items()}
        return self.model_copy(update={"roles": bare})

    @property
    def models_dir(self) -> Path:
        return self.home / "models"

    @property
    def catalog_dir(self) -> Path:
        return self.home / "catalog"

    @property
    def corpus_dir(self) -> Path:
        return self.home / "corpus"

    @property
    def store_path(self) -> Path:
        return self.store.path if self.store.path.is_absolute() else self.home / self.store.path

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, toml_file=config_path())


def child_environment(**more: str) -> dict[str, str]:
    """Return the environment for a program started from this one: this one's own, and ``more``."""
    return {**os.environ, **more}


def config_path() -> Path:
    """Return the settings file in force: ``SHELFWISE_CONFIG``, ``./shelfwise.toml``, or the project's own."""
    named = os.environ.get("SHELFWISE_CONFIG")
    if named:
        path = Path(named).expanduser()
        if not path.is_file():
            raise SettingsError(f"SHELFWISE_CONFIG names {path}, which is not a file. Unset it or correct the path.")
        return path
    local = Path("shelfwise.toml")
    return local if local.is_file() else PROJECT_ROOT / "shelfwise.toml"


@lru_cache(maxsize=1)
def load_settings() -> Settings:
    """Return the settings, read once per process.

    Raises:
        SettingsError: the file or a variable is malformed; the message lists each wrong field.
    """
    try:
        return Settings()
    except ValidationError as error:
        lines = [f"  {'.'.join(map(str, e['loc'])) or 'settings'}: {e['msg']}" for e in error.errors()]
        raise SettingsError(
            f"settings are wrong (from {config_path()} and SHELFWISE_*):\n" + "\n".join(lines)
        ) from None
    except ValueError as error:
        raise SettingsError(f"cannot read {config_path()}: {error}") from error
