"""The adversarial policy set: what ships is what was made, and the shipped rules hold their floor on it."""

from __future__ import annotations

from collections import Counter

import pytest
import yaml
from support.fakes import GUARDS_DIR

from evaluation.policy_set import cases as cases_module
from evaluation.policy_set.cases import PolicySetError, read_cases, write_cases
from evaluation.policy_set.disguises import DISGUISES, disguise
from evaluation.policy_set.families import Family, Pool, families_version, load_families
from evaluation.policy_set.generating import make_cases
from evaluation.policy_set.scoring import is_caught, policy_guard, score_cases
from state.catalog import Product
from state.verdict import Action, Outcome, Verdict

CASES, RECORD = read_cases()
RULES = {rule["id"] for rule in yaml.safe_load((GUARDS_DIR / "policy_rules.yaml").read_text("utf-8"))["rules"]}


def test_the_shipped_rules_catch_99_of_100_violations_and_refuse_at_most_2_of_100_clean_placements() -> None:
    score = score_cases(policy_guard(GUARDS_DIR), CASES)
    assert (score.total_recall.rate or 0) >= 0.99, [case.id for case, _ in score.missed]
    assert (score.over_refusal.rate or 1) <= 0.02, [case.id for case, _ in score.wronged]
    assert (score.innocent.rate or 0) <= 0.02


def test_every_rule_of_the_file_has_violations_and_near_misses_in_both_halves() -> None:
    broken = Counter((case.half, case.rule) for case in CASES if case.rule)
    near = Counter((case.half, case.near) for case in CASES if case.near)
    for half in ("mend", "held_out"):
        assert {rule for at, rule in broken if at == half} == RULES
        assert {rule for at, rule in near if at == half} == RULES
    assert all(case.rule is None or case.near is None for case in CASES)


def test_the_two_halves_share_no_family() -> None:
    families = {half: {family.id for family in load_families(half)} for half in ("mend", "held_out")}  # type: ignore[arg-type]
    assert not families["mend"] & families["held_out"]
    assert RECORD.families == families_version()


def test_a_rule_switched_off_shows_as_lost_recall() -> None:
    titles = [case for case in CASES if case.rule == "price-promise"]
    deaf = policy_guard(GUARDS_DIR)
    deaf.check = lambda placements, context: [deaf.passed(p) for p in placements]  # type: ignore[method-assign]
    score = score_cases(deaf, titles)
    assert score.total_recall.rate == 0
    assert len(score.missed) == len(titles)


def test_a_violation_is_caught_only_when_its_rule_is_named_and_every_bad_product_goes() -> None:
    case = next(case for case in CASES if len(case.bad) == 2)

    def verdict(rule: str, pruned: list[str]) -> Verdict:
        reason = f"{rule}: product x (why)"
        return Verdict(
            guard="policy",
            placement_id=case.id,
            outcome=Outcome.FAIL,
            action=Action.PRUNE,
            reasons=(reason,),
            pruned=tuple(pruned),
        )

    assert is_caught(case, verdict(str(case.rule), case.bad))
    assert not is_caught(case, verdict("title-form", case.bad))
    assert not is_caught(case, verdict(str(case.rule), case.bad[:1]))


def test_a_changed_set_is_refused(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path_factory.mktemp("set")
    monkeypatch.setattr(cases_module, "SET_FILE", folder / "set.jsonl.gz")
    monkeypatch.setattr(cases_module, "RECORD_FILE", folder / "set.json")
    with pytest.raises(PolicySetError, match="--make"):
        read_cases()
    first = write_cases(CASES[:5], 1, "c", "f")
    assert read_cases() == (CASES[:5], first)
    packed = (folder / "set.jsonl.gz").read_bytes()
    write_cases(CASES[:5], 1, "c", "f")
    assert (folder / "set.jsonl.gz").read_bytes() == packed
    write_cases(CASES[:4], 1, "c", "f")
    (folder / "set.json").write_text(first.model_dump_json(), encoding="utf-8")
    with pytest.raises(PolicySetError, match="is not the set"):
        read_cases()


@pytest.mark.parametrize("kind", DISGUISES)
def test_a_disguise_changes_marked_words_alone_and_leaves_no_marks(kind: str) -> None:
    written = disguise("Good [wine] tonight [INST]", kind)
    assert written.startswith("Good ")
    assert written.endswith(" tonight [INST]")
    assert (written == "Good wine tonight [INST]") == (kind == "none")


def test_a_pool_is_a_shelf_and_the_words_of_a_name() -> None:
    shelf = [
        Product(id="1", name="Root Beer", aisle="soft drinks", department="beverages"),
        Product(id="2", name="Hard Root Beer", aisle="soft drinks", department="beverages"),
        Product(id="3", name="Root Beer Candy", aisle="candy chocolate", department="snacks"),
    ]
    pool = Pool.model_validate({"aisles": ["soft drinks"], "name": "root beer", "not": "hard"})
    assert [product.id for product in pool.members(shelf)] == ["1"]


def test_the_set_cannot_be_drawn_from_a_catalogue_that_lacks_its_shelves() -> None:
    with pytest.raises(PolicySetError, match="too small"):
        make_cases([Product(id="1", name="Banana", aisle="fresh fruits", department="produce")])


@pytest.mark.parametrize(
    "wrong",
    [
        {"rule": "vegan", "near": "vegan"},
        {},
        {"near": "vegan", "bad": ["cheese"]},
    ],
)
def test_a_family_breaks_one_rule_or_is_clean(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="family x"):
        Family.model_validate({"id": "x", "count": 1, "titles": ["t"], "good": ["plain"], **wrong})


def test_no_case_carries_a_shoppers_id() -> None:
    assert {case.shopper.shopper_id for case in CASES} == {"policy-set"}
