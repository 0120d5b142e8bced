"""Configurations that runs compare: the settings in force, with a file, single values and prompts laid over them."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml
from jinja2 import Environment, TemplateError
from pydantic import ValidationError

from agents.judge_calibration import adapter_digest, answering_model
from agents.prompting import PROMPTS_DIR, prompt_files
from graph.guards import build_guards, discover_guards
from state.errors import SettingsError
from state.options import PageOptions
from state.settings import PAGE_ROLES, PROJECT_ROOT, Settings

DEFAULT: Final = "default"
SHIPPED: Final = Path(__file__).parent / "configurations"
_ELSEWHERE: Final = frozenset({"home", "guards_dir", "threads", "store", "ranker", "http", "intent"})
"""Settings that no page depends on: where it is made and kept, and what happens after."""
_NOT_COMPARED: Final = frozenset({"api_key", "timeout_s", "usd_per_mtok_in", "usd_per_mtok_out"})
_JUDGE_PROMPT: Final = "judge.jinja"


@dataclass(frozen=True)
class Configuration:
    """What makes pages: settings, and a folder of prompt files that stand in for the shipped ones of their names."""

    name: str
    settings: Settings
    prompts: Path | None = None

    def values(self) -> dict[str, str]:
        """Return every setting that a page depends on as text, by dotted name; no keys or passwords."""
        settings = self.settings.model_dump(mode="json", exclude=set(_ELSEWHERE))
        settings["roles"] = {role: settings["roles"][role] for role in PAGE_ROLES}
        flat = _flat(settings)
        shown = {name: value for name, value in flat.items() if name.rpartition(".")[2] not in _NOT_COMPARED}
        # Where the project lies changes nothing.
        here = {name: value.removeprefix(f"{PROJECT_ROOT}/") for name, value in shown.items()}
        return {**here, "prompts": str(self.prompts or "shipped")}

    def digest(self, versions: Mapping[str, str]) -> str:
        """Return a digest of all that its pages depend on; ``versions`` are those of catalogue, corpus and guards."""
        values = {name: value for name, value in self.values().items() if name != "prompts"}
        adapters = [adapter_digest(answering_model(self.settings.roles[role])) for role in PAGE_ROLES]
        content = json.dumps([values, adapters, prompts_content(self.prompts), dict(versions)], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()[:12]


def read_configuration(text: str, base: Settings) -> Configuration:
    """Return the configuration that ``text`` names: ``NAME[,key=value...]``, laid over the settings in force, ``base``.

    NAME is ``default`` (the settings in force), a shipped configuration, or a TOML file in the form of shelfwise.toml;
    beside settings the file may hold ``prompts``, a folder below it of prompt files. Keys are dotted
    (``page.design_mode=grounded``, ``guards.relevance.threshold=0.6``, ``prompts=FOLDER``), values are TOML or text.

    Raises:
        SettingsError: there is no such file, or a key, a value, a guard's setting or a prompt is wrong.
    """
    name, *assignments = (part.strip() for part in text.split(","))
    overlay, folder = _overlay(name)
    for assignment in assignments:
        _assign(overlay, assignment)
    prompts = overlay.pop("prompts", None)
    if "prompts" in {assignment.partition("=")[0].strip() for assignment in assignments}:
        folder = Path()
    shown = ",".join([Path(name).stem if name.endswith(".toml") else name, *assignments])
    settings = _settings(base, overlay, shown)
    build_guards(discover_guards(settings.guards_dir), settings.guards, settings.page.guards)
    return Configuration(shown, settings, None if prompts is None else _prompts(folder / str(prompts), shown))


def differences(first: Configuration, second: Configuration) -> list[tuple[str, str, str]]:
    """Return the settings in which two configurations differ: name, value in the first, value in the second."""
    one, other = first.values(), second.values()
    return [
        (name, one.get(name, "unset"), other.get(name, "unset"))
        for name in sorted(one.keys() | other.keys())
        if one.get(name, "unset") != other.get(name, "unset")
    ]


def prompts_content(folder: Path | None) -> str:
    """Return a digest of the prompt files in force with ``folder`` laid over the shipped ones."""
    files = {path.name: path for place in (PROMPTS_DIR, folder) if place for path in prompt_files(place)}
    content = b"".join(name.encode() + path.read_bytes() for name, path in sorted(files.items()))
    return hashlib.sha256(content).hexdigest()[:12]


def _overlay(name: str) -> tuple[dict[str, Any], Path]:
    if name == DEFAULT:
        return {}, Path()
    path = SHIPPED / f"{name}.toml" if (SHIPPED / f"{name}.toml").is_file() else Path(name).expanduser()
    try:
        return tomllib.loads(path.read_text(encoding="utf-8")), path.parent
    except OSError as error:
        known = ", ".join([DEFAULT, *sorted(file.stem for file in SHIPPED.glob("*.toml"))])
        raise SettingsError(
            f"no configuration '{name}': {error.strerror or error}. Give a TOML file, or one of: {known}."
        ) from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"configuration {path} is no TOML: {error}.") from error


def _assign(overlay: dict[str, Any], assignment: str) -> None:
    key, equals, text = assignment.partition("=")
    *parents, last = key.strip().split(".")
    if not equals or not last:
        raise SettingsError(f"'{assignment}' is no key=value, such as page.design_mode=grounded.")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text.strip()
    place = overlay
    for parent in parents:
        place = place.setdefault(parent, {})
        if not isinstance(place, dict):
            raise SettingsError(f"'{assignment}': {parent} is a value, not a group of settings.")
    place[last] = value


def _settings(base: Settings, overlay: Mapping[str, Any], name: str) -> Settings:
    if not overlay:
        return base
    try:
        return Settings(**_merged(base.model_dump(), overlay))
    except ValidationError as error:
        lines = [f"  {'.'.join(map(str, e['loc'])) or 'settings'}: {e['msg']}" for e in error.errors()]
        raise SettingsError(f"configuration '{name}' is wrong:\n" + "\n".join(lines)) from None


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        merged[key] = _merged(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
    return merged


def _prompts(folder: Path, name: str) -> Path:
    if not folder.is_dir():
        raise SettingsError(f"configuration '{name}': prompts names {folder}, which is not a folder.")
    known = {path.name for path in prompt_files(PROMPTS_DIR)} - {_JUDGE_PROMPT}
    found = prompt_files(folder)
    unknown = sorted({path.name for path in found} - known)
    if unknown or not found:
        what = f"{', '.join(unknown)} is no prompt of a configuration" if unknown else "there is no prompt in it"
        raise SettingsError(f"configuration '{name}': {folder}: {what}. Prompts are: {', '.join(sorted(known))}.")
    _check_syntax(found, name)
    return folder.absolute()


def _check_syntax(files: Sequence[Path], name: str) -> None:
    environment = Environment(autoescape=False)  # noqa: S701 - only parsed here
    for path in files:
        try:
            text = path.read_text(encoding="utf-8")
            environment.parse(text) if path.suffix == ".jinja" else yaml.safe_load(text)
        except (OSError, UnicodeDecodeError, TemplateError, yaml.YAMLError) as error:
            raise SettingsError(f"configuration '{name}': prompt {path} cannot be used: {error}.") from error


def _flat(value: Any, name: str = "") -> dict[str, str]:
    if isinstance(value, dict) and value:
        return {key: text for part, below in value.items() for key, text in _flat(below, _below(name, part)).items()}
    return {name: value if isinstance(value, str) else json.dumps(value)}


def _below(name: str, part: str) -> str:
    return f"{name}.{part}" if name else part


def page_options(configuration: Configuration) -> PageOptions:
    """Return the options that pages of a run are made with over its settings: the held-out order stays unseen."""
    return PageOptions(hold_out_last=True).over(configuration.settings.page)
