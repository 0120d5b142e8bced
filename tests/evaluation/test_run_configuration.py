"""Configurations: what is laid over what, what counts as a difference, and prompts that stand in for shipped ones."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from support.evaluation_shop import TastyShoppers

from agents.page_designer import idea_messages
from agents.prompting import prompts_laid_over, prompts_version
from evaluation.runs.configuration import differences, page_options, read_configuration
from state.errors import SettingsError
from state.settings import RoleSettings, Settings

BASE = Settings()


def test_a_file_is_laid_over_the_settings_in_force_and_values_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('[page]\nthemes = 3\ncandidates = 50\n[roles.designer]\nadapter = ""\n')
    found = read_configuration(f"{file},page.themes=4,guards.relevance.threshold=0.7", BASE)
    assert found.name == "mine,page.themes=4,guards.relevance.threshold=0.7"
    assert (found.settings.page.themes, found.settings.page.candidates) == (4, 50)
    assert found.settings.roles["designer"].adapter == ""
    assert found.settings.roles["judge"] == BASE.roles["judge"]
    assert found.settings.guards["relevance"]["threshold"] == 0.7
    assert page_options(found).hold_out_last


def test_differences_name_what_a_page_depends_on_and_no_secret() -> None:
    keyed = RoleSettings(engine="openai", model="m", base_url="http://localhost:1/v1", api_key="sk-secret")
    other = read_configuration("default,page.design_mode=free,threads=1", BASE)
    secret = BASE.model_copy(update={"roles": {**BASE.roles, "judge": keyed}})
    found = differences(read_configuration("default", secret), other)
    names = [name for name, _, _ in found]
    assert "page.design_mode" in names
    assert "roles.judge.model" in names
    assert "threads" not in names
    assert "sk-secret" not in str(found)
    assert "api_key" not in str(found)


def test_the_digest_follows_what_pages_depend_on(tmp_path: Path) -> None:
    (tmp_path / "ideas.user.jinja").write_text("Write {{ themes }} themes.")
    versions = {"catalog": "1"}
    plain = read_configuration("default", BASE)
    assert plain.digest(versions) == read_configuration("default,threads=1", BASE).digest(versions)
    others = [
        read_configuration("default,page.themes=2", BASE).digest(versions),
        read_configuration(f"default,prompts={tmp_path}", BASE).digest(versions),
        plain.digest({"catalog": "2"}),
    ]
    assert len({plain.digest(versions), *others}) == 4


def test_prompts_are_laid_over_for_this_task_and_those_it_starts_alone(tmp_path: Path) -> None:
    (tmp_path / "ideas.user.jinja").write_text("Ignore everybody, {{ themes }}.")
    shopper = TastyShoppers().load("3", hold_out_last=True)
    shipped = prompts_version()

    async def asked(folder: Path | None) -> tuple[str, str]:
        with prompts_laid_over(folder):
            await asyncio.sleep(0)
            messages = await asyncio.to_thread(idea_messages, shopper, 2)
            return messages[-1]["content"], prompts_version()

    async def both() -> list[tuple[str, str]]:
        return await asyncio.gather(asked(tmp_path), asked(None))

    (over, over_version), (plain, plain_version) = asyncio.run(both())
    assert over == "Ignore everybody, 2."
    assert "Bought, with number of orders" in plain
    assert over_version != plain_version == shipped == prompts_version()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("idea.user.jinja", "x", "no prompt of a configuration"),
        ("judge.jinja", "x", "no prompt of a configuration"),
        ("ideas.user.jinja", "{{ themes", "cannot be used"),
        ("theme.examples.yaml", "[: -", "cannot be used"),
        ("notes.txt", "x", "there is no prompt in it"),
    ],
)
def test_prompts_that_could_not_be_used_are_refused(name: str, content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(SettingsError, match=message):
        read_configuration(f"default,prompts={tmp_path}", BASE)


def test_files_that_are_no_configuration_are_refused(tmp_path: Path) -> None:
    for name, content, message in (
        ("a.toml", "[page", "is no TOML"),
        ("b.toml", "[page]\nthemes = 99", "page.themes"),
        ("c.toml", "[guards.nobody]\nenabled = false", "unknown guards: nobody"),
    ):
        (tmp_path / name).write_text(content)
        with pytest.raises(SettingsError, match=message):
            read_configuration(str(tmp_path / name), BASE)
    with pytest.raises(SettingsError, match="is no key=value"):
        read_configuration("default,page.themes", BASE)
