"""The policy guard once more over the placements that were published, with its shipped settings whatever made them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from graph.guards import build_guard, discover_guards, run_guard
from graph.services import Services
from state.errors import SettingsError
from state.guard import GuardContext
from state.placement import Page
from state.verdict import Outcome, Verdict

POLICY = "policy"


async def policy_violations(pages: Sequence[Page], services: Services, guards_dir: Path) -> dict[str, list[Verdict]]:
    """Return by shopper the verdicts of the policy guard that are no pass, an error among them.

    A configuration that switches the guard off, or loosens it, is judged as strictly as any other.

    Raises:
        SettingsError: the folder of guards has no policy guard.
    """
    classes = [cls for cls in discover_guards(guards_dir) if cls.name == POLICY]
    if not classes:
        raise SettingsError(f"{guards_dir} holds no guard '{POLICY}': a run cannot be held to the policy. Restore it.")
    guard = build_guard(classes[0], {})
    found: dict[str, list[Verdict]] = {}
    for page in pages:
        shopper = services.shoppers.load(page.shopper_id, hold_out_last=True)
        context = GuardContext(
            shopper=shopper,
            embedder=services.embedder,
            scorer=services.scorer,
            chat=services.chat,
            catalog=services.catalog,
            page=tuple(page.placements),
        )
        verdicts = await run_guard(guard, page.placements, context)
        found[page.shopper_id] = [verdict for verdict in verdicts if verdict.outcome is not Outcome.PASS]
    return found
