"""What answers to queries rest on changes with each of its parts, and with nothing else."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from support.fakes import GUARDS_DIR
from support.small_shop import small_services

from agents.prompting import PROMPTS_DIR, prompts_laid_over, prompts_version
from engines.chat import ChatClient
from graph.query_versions import FITTED_DIR, answers_version
from state.settings import Settings


def grow(file: Path) -> None:
    file.write_bytes(file.read_bytes() + b"\n")


def version(settings: Settings | None = None, fitted: Path = FITTED_DIR) -> str:
    settings = settings or Settings()
    return answers_version(small_services(ChatClient(settings), settings), fitted)


def test_every_part_of_an_answer_changes_the_version(tmp_path: Path) -> None:
    shutil.copytree(GUARDS_DIR, tmp_path / "guards", ignore=shutil.ignore_patterns("__pycache__"))
    grow(tmp_path / "guards" / "intent" / "rewrite_diets.yaml")
    shutil.copytree(FITTED_DIR, tmp_path / "fitted")
    grow(tmp_path / "fitted" / "confidence.json")
    prompts = tmp_path / "prompts"
    (prompts / "intent").mkdir(parents=True)
    (prompts / "intent" / "roles.system.jinja").write_text("Tag.")
    sure, terse, other = Settings(), Settings(), Settings()
    sure.intent.min_confidence = 0.9
    terse.roles["query_rewriter"].max_tokens = 7
    other.roles["query_parser"].model = "another"
    seen = [version(), version(sure), version(terse), version(other), version(fitted=tmp_path / "fitted")]
    seen.append(version(Settings(guards_dir=tmp_path / "guards")))
    services = small_services(ChatClient(Settings()), Settings())
    seen.append(answers_version(replace(services, scorer=_Renamed())))
    with prompts_laid_over(prompts):
        seen.append(version())
    assert len(set(seen)) == len(seen)


def test_what_is_kept_of_answers_changes_nothing() -> None:
    kept = Settings()
    kept.intent.queue_limit, kept.intent.local_s = 5, 0.0
    assert version(kept) == version()


def test_prompts_of_queries_and_of_pages_have_versions_of_their_own(tmp_path: Path) -> None:
    shutil.copytree(PROMPTS_DIR, tmp_path / "prompts")
    page, query = prompts_version(), prompts_version("intent")
    grow(tmp_path / "prompts" / "intent" / "roles.system.jinja")
    with prompts_laid_over(tmp_path / "prompts"):
        assert prompts_version() == page
        assert prompts_version("intent") != query


class _Renamed:
    name, threshold = "another scorer", 0.5

    def score(self, pairs: object) -> object: ...
