"""``shelfwise serve``, ``token`` and ``key``: keys are made, tokens signed, an open door to others refused."""

from __future__ import annotations

import hashlib
import tomllib

import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from cli.main import app
from serving.http.tokens import read_token
from state.errors import SettingsError
from state.http import ApiKey
from state.settings import load_settings

SECRET = "s" * 40


@pytest.fixture(autouse=True)
def _fresh_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    load_settings.cache_clear()


def test_a_key_is_shown_once_and_the_settings_get_its_hash() -> None:
    result = CliRunner().invoke(app, ["key", "--name", "shop", "--scope", "read", "--scope", "write"])
    assert result.exit_code == 0
    shown = next(line for line in result.stdout.splitlines() if line.startswith("swk_"))
    lines = tomllib.loads(result.stdout[result.stdout.index("[[http.keys]]") :])
    key = ApiKey.model_validate(lines["http"]["keys"][0])
    assert key.sha256 == hashlib.sha256(shown.encode()).hexdigest()
    assert key.scopes == {"read", "write"}


def test_a_key_with_an_unknown_scope_is_refused() -> None:
    assert CliRunner().invoke(app, ["key", "--name", "shop", "--scope", "root"]).exit_code == 2


def test_a_token_opens_its_shopper(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELFWISE_HTTP__TOKEN_SECRET", SECRET)
    result = CliRunner().invoke(app, ["token", "--shopper", "17", "--hours", "2", "--read-only"])
    token = read_token(SecretStr(SECRET), result.stdout.strip())
    assert (token.shopper_id, token.scopes) == ("17", {"read"})


def test_a_token_without_a_secret_says_how_to_set_one() -> None:
    result = CliRunner().invoke(app, ["token", "--shopper", "17"])
    assert isinstance(result.exception, SettingsError)
    assert "TOKEN_SECRET" in str(result.exception)


def test_serving_to_others_without_keys_is_refused() -> None:
    result = CliRunner().invoke(app, ["serve", "--host", "0.0.0.0"])
    assert isinstance(result.exception, SettingsError)
    assert "shelfwise key" in str(result.exception)
