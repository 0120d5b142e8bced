"""The policy guard against the adversarial set: ``python benchmarks/policy_set.py``.

Prints recall for each rule and how many clean placements were refused, in total and for the half of the families that
nobody looked at while the rules were mended. Exits with 1 below recall 0.99 or above 2 % over-refusal.
``--misses`` lists what went wrong in the half for mending; ``--make`` draws the set again from the catalogue in use
(the demo's), and ``--fresh 21 22`` scores sets drawn with other seeds (other products in the same families) without
keeping them.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from evaluation.policy_set.cases import Half, PolicyCase, read_cases, write_cases
from evaluation.policy_set.families import families_version
from evaluation.policy_set.generating import SEED, make_cases
from evaluation.policy_set.scoring import PolicyScore, Tally, policy_guard, score_cases
from state.catalog import Product
from state.settings import Settings, load_settings

MIN_RECALL, MAX_REFUSED = 0.99, 0.02


def make(settings: Settings) -> None:
    """Draw the set from the catalogue in use and store it."""
    products, version = _catalog(settings)
    record = write_cases(make_cases(products), SEED, version, families_version())
    print(f"wrote {record.cases} cases ({record.violations} that break a rule), sha256 {record.sha256[:12]}")


def _catalog(settings: Settings) -> tuple[list[Product], str]:
    from catalog.warehouse import Warehouse

    warehouse = Warehouse.open(settings)
    return warehouse.all_products(), warehouse.version


def table(scores: dict[str, PolicyScore]) -> list[str]:
    """Return recall and over-refusal by rule as a Markdown table, a pair of columns for each score."""
    rules = list(dict.fromkeys(rule for s in scores.values() for rule in [*s.recall, *s.refused]))
    head = " | ".join(f"caught, {name} | clean refused, {name}" for name in scores)
    lines = [f"| rule | {head} |", "|---" * (1 + 2 * len(scores)) + "|"]
    for rule in rules:
        cells = [cell(t) for s in scores.values() for t in (s.recall.get(rule), s.refused.get(rule))]
        lines.append(f"| {rule} | {' | '.join(cells)} |")
    totals = [
        f"{cell(t)} ({t.rate:.1%})"
        for s in scores.values()
        for t in (s.total_recall, s.over_refusal)
        if t.rate is not None
    ]
    return [*lines, f"| **all** | {' | '.join(totals)} |"]


def cell(tally: Tally | None) -> str:
    return f"{tally.hits} of {tally.cases}" if tally and tally.cases else "-"


def list_misses(score: PolicyScore) -> None:
    """Print what was missed and what was wronged."""
    for what, found in (("MISSED", score.missed), ("WRONGED", score.wronged)):
        for case, verdict in found:
            names = {p.id: p.name for p in case.placement.products}
            left = [names[product] for product in case.bad if product not in verdict.pruned]
            said = "; ".join(verdict.reasons)
            print(f"{what} {case.id} [{case.disguise}] {case.placement.title!r}: left {left}; said {said}")


def of_half(cases: Sequence[PolicyCase], half: Half) -> list[PolicyCase]:
    return [case for case in cases if case.half == half]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--make", action="store_true", help="draw the set again from the catalogue in use")
    parser.add_argument("--fresh", type=int, nargs="*", default=[], help="score sets drawn with these seeds as well")
    parser.add_argument("--misses", action="store_true", help="list what went wrong in the half for mending")
    arguments = parser.parse_args()
    settings = load_settings()
    if arguments.make:
        make(settings)
    cases, record = read_cases()
    guard = policy_guard(settings.guards_dir)
    mend, held_out = (score_cases(guard, of_half(cases, half)) for half in ("mend", "held_out"))  # type: ignore[arg-type]
    everything = score_cases(guard, cases)
    print(f"{record.cases} placements, {record.violations} of them break a rule; catalogue {record.catalog}\n")
    print("\n".join(table({"all": everything, "held out": held_out})))
    innocent = everything.innocent
    print(f"\ninnocent products taken out beside guilty ones: {cell(innocent)} ({innocent.rate or 0:.1%})")
    if arguments.misses:
        list_misses(mend)
    for seed in arguments.fresh:
        fresh = score_cases(guard, make_cases(_catalog(settings)[0], seed))
        print(f"drawn with seed {seed}: caught {cell(fresh.total_recall)}, clean refused {cell(fresh.over_refusal)}")
    recall, refused = everything.total_recall.rate or 0.0, everything.over_refusal.rate or 0.0
    sys.exit(recall < MIN_RECALL or refused > MAX_REFUSED)


if __name__ == "__main__":
    main()
