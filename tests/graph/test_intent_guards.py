"""Intent guards are discovered by file, and one that does not judge takes out what it answers for."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest
from support.fakes import GUARDS_DIR, Broken

from graph.guards import discover_guards, guards_version
from graph.intent_guards import (
    build_intent_guards,
    discover_intent_guards,
    intent_guards_version,
    run_intent_guard,
    run_intent_guards,
)
from state.errors import GuardLoadError, SettingsError
from state.intent import Attribute, IntentDraft, IntentPart, IntentVerdict, Rewrites
from state.intent_guard import IntentGuard, IntentGuardConfig, IntentGuardContext, register_intent_guard

CONTEXT = IntentGuardContext(embedder=Broken(), scorer=Broken())
GUARD = """
from state.intent_guard import IntentGuard, IntentGuardConfig, register_intent_guard


class Config(IntentGuardConfig):
    limit: int = 3


@register_intent_guard
class Some(IntentGuard):
    name = "{name}"
    order = {order}
    version = "1"
    parts = ({part!r},)
    Config = Config

    def check(self, draft, context):
        return []
"""


def draft() -> IntentDraft:
    return IntentDraft(
        query="organc chobani yogurt",
        corrected="organic chobani yogurt",
        brand="chobani",
        product="yogurt",
        attributes=[Attribute(type="quality", value="organic")],
        categories=["dairy eggs > yogurt"],
        rewrites=Rewrites(synonym=["organic yoghurt"], broader=["yogurt", "dairy"], substitute=["kefir"]),
    )


class Fake(IntentGuard):
    name = "fake"
    order = 1
    version = "7"
    parts = ("broader", "brand")
    answer: ClassVar[Any] = ()

    def check(self, draft: IntentDraft, context: IntentGuardContext) -> Sequence[IntentVerdict]:
        if isinstance(self.answer, BaseException):
            raise self.answer
        return [self.verdict(*entry) for entry in self.answer]


def fake(answer: Any, **config: Any) -> IntentGuard:
    return type("Fake", (Fake,), {"answer": answer})(IntentGuardConfig(**config))


def write(parent: Path, file: str, *, name: str = "some", order: int = 5, part: str = "category") -> Path:
    path = parent / "intent" / file
    path.parent.mkdir(exist_ok=True)
    path.write_text(GUARD.format(name=name, order=order, part=part), encoding="utf-8")
    return path


def test_the_guards_of_the_project_are_discovered_cheap_before_dear() -> None:
    found = discover_intent_guards(GUARDS_DIR)
    names = [guard.name for guard in found]
    assert [guard.order for guard in found] == sorted(guard.order for guard in found)
    files = {file.stem for file in (GUARDS_DIR / "intent").glob("*.py") if not file.name.startswith("_")}
    assert {*names} == files
    ours = ["roles", "taxonomy", "rewrite_policy", "rewrite_identity", "rewrite_diet", "rewrite_relevance"]
    assert [name for name in names if name in ours] == ours


def test_every_part_of_a_draft_has_a_guard() -> None:
    parts = {part for guard in discover_intent_guards(GUARDS_DIR) for part in guard.parts}
    assert parts == {"product", "brand", "attribute", "category", "synonym", "broader", "substitute"}


def test_adding_a_file_adds_a_guard(tmp_path: Path) -> None:
    write(tmp_path, "b.py", name="late", order=9)
    write(tmp_path, "a.py", name="early", order=1)
    assert [guard.name for guard in discover_intent_guards(tmp_path)] == ["early", "late"]


def test_intent_guards_do_not_change_what_page_guards_are(tmp_path: Path) -> None:
    shutil.copytree(GUARDS_DIR, tmp_path / "g", ignore=shutil.ignore_patterns("__pycache__"))
    before = discover_guards(tmp_path / "g")
    version = guards_version(before, {})
    write(tmp_path / "g", "one_more.py")
    assert discover_guards(tmp_path / "g") == before
    assert guards_version(before, {}) == version


def test_shared_code_of_the_folder_above_is_reached_by_relative_import(tmp_path: Path) -> None:
    (tmp_path / "_shared.py").write_text("ORDER = 42\n", encoding="utf-8")
    path = write(tmp_path, "a.py")
    text = path.read_text("utf-8").replace("order = 5", "order = ORDER")
    path.write_text("from .._shared import ORDER\n" + text, encoding="utf-8")
    assert discover_intent_guards(tmp_path)[0].order == 42


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("@register_intent_guard", ""), "exactly one class"),
        (("def check", "def chuck"), "define check"),
        (("'category'", "'colour'"), "parts are some of"),
        (('name = "some"', 'name = "not a name"'), "identifier"),
        (('version = "1"', ""), "does not declare 'version'"),
    ],
)
def test_a_file_that_offers_no_usable_guard_is_refused(tmp_path: Path, change: tuple[str, str], says: str) -> None:
    path = write(tmp_path, "a.py")
    path.write_text(path.read_text("utf-8").replace(*change), encoding="utf-8")
    with pytest.raises(GuardLoadError, match=says):
        discover_intent_guards(tmp_path)


def test_a_folder_without_intent_guards_is_refused_because_answers_would_go_unchecked(tmp_path: Path) -> None:
    (tmp_path / "intent").mkdir()
    with pytest.raises(GuardLoadError, match="answers to queries would go unchecked"):
        discover_intent_guards(tmp_path)


def test_settings_are_validated_under_the_guards_name(tmp_path: Path) -> None:
    write(tmp_path, "a.py")
    classes = discover_intent_guards(tmp_path)
    assert build_intent_guards(classes, {"some": {"limit": 4}})[0].config.limit == 4
    for wrong in ({"some": {"limt": 4}}, {"some": {"timeout_s": 0}}, {"other": {}}):
        with pytest.raises(SettingsError, match=r"some"):
            build_intent_guards(classes, wrong)


def test_the_version_changes_with_code_rules_settings_and_shared_rules(tmp_path: Path) -> None:
    shutil.copytree(GUARDS_DIR, tmp_path / "g", ignore=shutil.ignore_patterns("__pycache__"))
    base = intent_guards_version(discover_intent_guards(tmp_path / "g"))
    assert intent_guards_version(discover_intent_guards(GUARDS_DIR)) == base
    seen = {base, intent_guards_version(discover_intent_guards(tmp_path / "g"), {"roles": {"enabled": False}})}
    for file in ("intent/rewrite_diets.yaml", "policy_rules.yaml", "intent/roles.py"):
        with (tmp_path / "g" / file).open("a", encoding="utf-8") as out:
            out.write("\n")
        seen.add(intent_guards_version(discover_intent_guards(tmp_path / "g")))
    assert len(seen) == 5


def test_what_a_verdict_names_is_taken_out_and_nothing_else() -> None:
    guard = fake([("broader", "dairy", "too wide"), ("brand", "chobani", "no brand")])
    left, verdicts = run_intent_guard(guard, draft(), CONTEXT)
    assert (left.brand, left.rewrites.broader, left.product) == (None, ["yogurt"], "yogurt")
    assert [(v.guard, v.version, v.outcome) for v in verdicts] == [("fake", "7", "FAIL")] * 2
    assert draft().model_copy(update={"brand": None, "rewrites": left.rewrites}) == left


def test_each_guard_judges_what_those_before_it_left() -> None:
    seen: list[list[str]] = []

    class Second(Fake):
        def check(self, draft: IntentDraft, context: IntentGuardContext) -> Sequence[IntentVerdict]:
            seen.append(draft.rewrites.broader)
            return []

    run_intent_guards([fake([("broader", "dairy", "too wide")]), Second()], draft(), CONTEXT)
    assert seen == [["yogurt"]]


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (RuntimeError("secret-key-123"), "RuntimeError"),
        (SystemExit(3), "SystemExit"),
        ([("synonym", "organic yoghurt", "not its part")], "does not answer for 'synonym'"),
        ([("broader", "never said", "invented")], "does not hold"),
    ],
)
def test_a_guard_that_fails_takes_out_all_that_it_answers_for(answer: Any, says: str) -> None:
    left, verdicts = run_intent_guard(fake(answer), draft(), CONTEXT)
    assert (left.brand, left.rewrites.broader) == (None, [])
    assert (left.product, left.rewrites.synonym) == ("yogurt", ["organic yoghurt"])
    assert {(v.part, v.text) for v in verdicts} == {("broader", "yogurt"), ("broader", "dairy"), ("brand", "chobani")}
    assert all(v.outcome == "ERROR" and says in v.reason and "secret" not in v.reason for v in verdicts)


def test_a_guard_that_does_not_return_in_time_takes_out_all_that_it_answers_for() -> None:
    class Slow(Fake):
        def check(self, draft: IntentDraft, context: IntentGuardContext) -> Sequence[IntentVerdict]:
            time.sleep(30)
            return []

    left, verdicts = run_intent_guard(Slow(IntentGuardConfig(timeout_s=0.05)), draft(), CONTEXT)
    assert left.rewrites.broader == []
    assert "no verdict within 0.05 s" in verdicts[0].reason


def test_an_error_over_an_empty_draft_is_still_told() -> None:
    empty = IntentDraft(query="x", corrected="x")
    left, verdicts = run_intent_guard(fake(RuntimeError()), empty, CONTEXT)
    assert left == empty
    assert [(v.outcome, v.text) for v in verdicts] == [("ERROR", "")]


def test_a_guard_that_changes_its_draft_changes_nothing() -> None:
    class Meddling(Fake):
        def check(self, draft: IntentDraft, context: IntentGuardContext) -> Sequence[IntentVerdict]:
            draft.rewrites.broader.clear()
            return []

    assert run_intent_guard(Meddling(), draft(), CONTEXT) == (draft(), [])


def test_a_guard_that_is_switched_off_takes_out_nothing() -> None:
    assert run_intent_guard(fake(RuntimeError(), enabled=False), draft(), CONTEXT) == (draft(), [])


def test_two_attributes_of_one_value_go_together() -> None:
    @register_intent_guard
    class Attributes(Fake):
        parts: ClassVar[tuple[IntentPart, ...]] = ("attribute",)
        answer: ClassVar[Any] = [("attribute", "organic", "twice")]

    given = draft().model_copy(update={"attributes": [Attribute(type=t, value="organic") for t in ("diet", "quality")]})
    assert run_intent_guard(Attributes(), given, CONTEXT)[0].attributes == []
