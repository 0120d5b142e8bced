"""Guards are discovered by file, and a folder that cannot be trusted to guard is refused."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.fakes import GUARDS_DIR

from graph.guards import build_guard, build_guards, discover_guards, guards_version
from state.errors import GuardLoadError, SettingsError

GUARD = """
from state.guard import Guard, GuardConfig, register_guard
from state.verdict import Action


class Config(GuardConfig):
    on_error: Action = Action.DROP
    limit: int = 3


@register_guard
class {cls}(Guard):
    name = "{name}"
    level = "{level}"
    order = {order}
    version = "1"
    Config = Config

    def check(self, placements, context):
        return [self.passed(placement) for placement in placements]
"""


def write(
    folder: Path, file: str, *, cls: str = "Some", name: str = "some", level: str = "placement", order: int = 50
) -> Path:
    path = folder / file
    path.write_text(GUARD.format(cls=cls, name=name, level=level, order=order), encoding="utf-8")
    return path


def test_the_project_folder_offers_its_guards_cheap_before_dear() -> None:
    assert [guard.name for guard in discover_guards(GUARDS_DIR)] == [
        "policy",
        "taxonomy",
        "relevance",
        "duplicates",
        "judge",
    ]


def test_every_guard_file_of_the_project_is_discovered() -> None:
    files = {file.stem for file in GUARDS_DIR.glob("*.py") if not file.name.startswith("_")}
    assert {guard.__module__.rpartition(".")[2] for guard in discover_guards(GUARDS_DIR)} == files


def test_discovery_does_not_import_the_guardrails_library() -> None:
    code = (
        "import sys; from pathlib import Path; from graph.guards import discover_guards; "
        f"discover_guards(Path({str(GUARDS_DIR)!r})); print('guardrails' in sys.modules)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=GUARDS_DIR.parent, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "False"


def test_placement_guards_come_first_then_order_then_name(tmp_path: Path) -> None:
    write(tmp_path, "a.py", name="page_early", level="page", order=1)
    write(tmp_path, "b.py", name="late", order=30)
    write(tmp_path, "c.py", name="early_b", order=10)
    write(tmp_path, "d.py", name="early_a", order=10)
    assert [guard.name for guard in discover_guards(tmp_path)] == ["early_a", "early_b", "late", "page_early"]


def test_unchanged_files_give_the_same_classes_and_changed_ones_new_classes(tmp_path: Path) -> None:
    path = write(tmp_path, "a.py")
    [first], [again] = discover_guards(tmp_path), discover_guards(tmp_path)
    assert first is again
    path.write_text(path.read_text("utf-8").replace('version = "1"', 'version = "2"'), encoding="utf-8")
    [changed] = discover_guards(tmp_path)
    assert (first.version, changed.version) == ("1", "2")


def test_underscore_files_are_shared_code_reached_by_relative_import(tmp_path: Path) -> None:
    (tmp_path / "_shared.py").write_text("ORDER = 7\n", encoding="utf-8")
    path = write(tmp_path, "a.py")
    text = path.read_text("utf-8").replace("order = 50", "order = ORDER")
    path.write_text("from ._shared import ORDER\n" + text, encoding="utf-8")
    assert [guard.order for guard in discover_guards(tmp_path)] == [7]


def test_two_folders_do_not_share_modules(tmp_path: Path) -> None:
    orders = []
    for order in (1, 2):
        folder = tmp_path / str(order)
        folder.mkdir()
        write(folder, "same.py", order=order)
        orders.append(discover_guards(folder)[0].order)
    assert orders == [1, 2]


def test_an_imported_guard_class_does_not_count_as_the_files_own(tmp_path: Path) -> None:
    write(tmp_path, "a.py", cls="First", name="first")
    second = write(tmp_path, "b.py", cls="Second", name="second")
    second.write_text("from .a import First\n" + second.read_text("utf-8"), encoding="utf-8")
    assert [guard.name for guard in discover_guards(tmp_path)] == ["first", "second"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("x = 1\n", "exactly one class"),
        (
            GUARD.format(cls="A", name="a", level="page", order=1)
            + GUARD.format(cls="B", name="b", level="page", order=1),
            "found 2",
        ),
        ("def broken(:\n", "SyntaxError"),
        ("import no_such_module_here\n", "no_such_module_here"),
        ("raise SystemExit(3)\n", "SystemExit"),
        (GUARD.format(cls="A", name="a", level="planet", order=1), "level is 'placement' or 'page'"),
        (GUARD.format(cls="A", name="not a name", level="page", order=1), "identifier"),
        ("from state.guard import register_guard\nclass A: ...\nregister_guard(A)\n", "does not declare 'name'"),
        (GUARD.format(cls="A", name="a", level="page", order=1).replace("def check", "def chuck"), "define check"),
    ],
    ids=["no guard", "two guards", "syntax", "import", "exit", "level", "name", "contract", "abstract"],
)
def test_a_file_that_offers_no_usable_guard_is_refused_by_name(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "wrong.py").write_text(text, encoding="utf-8")
    with pytest.raises(GuardLoadError, match=r"wrong\.py") as refusal:
        discover_guards(tmp_path)
    assert says in str(refusal.value)


def test_a_file_mended_after_a_refusal_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1 +\n", encoding="utf-8")
    with pytest.raises(GuardLoadError):
        discover_guards(tmp_path)
    write(tmp_path, "a.py")
    assert len(discover_guards(tmp_path)) == 1


def test_a_name_taken_twice_is_refused_naming_both_files(tmp_path: Path) -> None:
    write(tmp_path, "a.py")
    write(tmp_path, "b.py")
    with pytest.raises(GuardLoadError, match=r"b\.py.*taken by a\.py"):
        discover_guards(tmp_path)


def test_the_installed_guardrails_library_is_refused_as_a_guards_folder() -> None:
    from importlib.util import find_spec

    spec = find_spec("guardrails")
    assert spec is not None
    assert spec.origin is not None
    with pytest.raises(GuardLoadError, match="is a package"):
        discover_guards(Path(spec.origin).parent)


def test_a_missing_or_empty_folder_is_refused_because_pages_would_go_unchecked(tmp_path: Path) -> None:
    with pytest.raises(GuardLoadError, match="not a folder"):
        discover_guards(tmp_path / "nowhere")
    with pytest.raises(GuardLoadError, match="unchecked"):
        discover_guards(tmp_path)


def test_a_file_name_that_is_no_module_name_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "my-guard.py")
    with pytest.raises(GuardLoadError, match="rename"):
        discover_guards(tmp_path)


def test_settings_are_laid_over_each_other_and_validated(tmp_path: Path) -> None:
    write(tmp_path, "a.py")
    [cls] = discover_guards(tmp_path)
    assert build_guard(cls, {"limit": 4, "enabled": False}, {"limit": 5}).config.model_dump(mode="json") == {
        "enabled": False,
        "on_error": "drop",
        "timeout_s": 30.0,
        "limit": 5,
    }
    for wrong in ({"limt": 4}, {"limit": "many"}, {"on_error": "shrug"}, {"on_error": "prune"}, {"timeout_s": 0}):
        with pytest.raises(SettingsError, match="'some'"):
            build_guard(cls, wrong)
    with pytest.raises(SettingsError, match=r"unknown guards: sme.*Known guards: some"):
        build_guards([cls], {}, {"sme": {}})


def test_the_version_changes_with_code_rules_and_settings_but_not_with_the_place(tmp_path: Path) -> None:
    for place in ("one", "two"):
        shutil.copytree(GUARDS_DIR, tmp_path / place, ignore=shutil.ignore_patterns("__pycache__"))

    def version(place: str, **settings: dict[str, object]) -> str:
        return guards_version(discover_guards(tmp_path / place), settings)

    base = version("one")
    assert version("one") == version("two") == base
    seen = {base, version("one", duplicates={"product_overlap": 0.4}), version("one", judge={"enabled": False})}
    for file in ("policy_rules.yaml", "duplicates_threshold.json", "_policy_rules.py", "taxonomy.py"):
        with (tmp_path / "one" / file).open("a", encoding="utf-8") as out:
            out.write("\n")
        seen.add(version("one"))
    assert len(seen) == 7
