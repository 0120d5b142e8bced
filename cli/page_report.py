"""Pages and traces as text for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.markup import escape
from rich.table import Table

from cli.console import out
from state.llm import CallRecord
from state.placement import DroppedPlacement, Page, Placement
from state.verdict import Outcome, Verdict

_MARK = {Outcome.PASS: "[green]pass[/]", Outcome.FAIL: "[yellow]fail[/]", Outcome.ERROR: "[red]error[/]"}


def page_table(pages: Sequence[Page]) -> Table:
    """Return one row per page: themes kept and dropped, products, tokens, seconds."""
    table = Table(title="pages")
    table.add_column("shopper")
    for name in ("kept", "dropped", "products", "tokens in", "tokens out", "seconds"):
        table.add_column(name, justify="right")
    table.add_column("notes")
    for page in pages:
        table.add_row(
            escape(page.shopper_id),
            str(len(page.placements)),
            str(len(page.dropped)),
            str(sum(len(placement.products) for placement in page.placements)),
            str(sum(usage.tokens_in for usage in page.usage.values())),
            str(sum(usage.tokens_out for usage in page.usage.values())),
            f"{page.seconds:.1f}",
            ", ".join(name for name, is_so in (("cold", page.cold), ("fall-back", page.fallback)) if is_so),
        )
    return table


def print_page(page: Page) -> None:
    """Print what the shopper would see, and in a line what was dropped."""
    marks = "".join(f" [{name}]" for name, is_so in (("cold", page.cold), ("fall-back", page.fallback)) if is_so)
    out.print(f"[bold]Shopper {escape(page.shopper_id)}[/]{escape(marks)}: {escape(page.persona)}", highlight=False)
    if page.fallback_reason:
        out.print(f"  fall-back: {page.fallback_reason}", markup=False, highlight=False)
    for placement in page.placements:
        out.print(f"\n[bold cyan]{escape(placement.title)}[/]  ({placement.need.value})", highlight=False)
        out.print(f"  {placement.rationale}", style="dim", markup=False, highlight=False)
        if placement.keywords:
            out.print(f"  keywords: {', '.join(placement.keywords)}", markup=False, highlight=False)
        for product in placement.products:
            again = " (bought before)" if product.bought_before else ""
            out.print(f"  - {product.name}  [{product.aisle}]{again}", markup=False, highlight=False)
    for dropped in page.dropped:
        out.print(f"\ndropped: {dropped.title!r} by {dropped.guard}: {dropped.reasons[0]}", style="dim", markup=False)
    out.print(f"\n{page.seconds:.1f} s; why: shelfwise trace {page.shopper_id}", style="dim", markup=False)


def print_trace(page: Page, calls: Sequence[CallRecord]) -> None:
    """Print every placement, kept and dropped, with the verdicts passed on it, then cost and versions."""
    out.print(f"page of shopper {page.shopper_id}, made {page.created_at:%Y-%m-%d %H:%M:%S} UTC", markup=False)
    if page.fallback_reason:
        out.print(f"fall-back: {page.fallback_reason}", markup=False, style="yellow")
    for placement in page.placements:
        _print_placement("on the page", placement)
    for dropped in page.dropped:
        _print_placement(f"dropped by {dropped.guard}", dropped)
    table = Table(title="cost")
    for name in ("phase", "calls", "tokens in", "tokens out", "seconds", "US$"):
        table.add_column(name, justify="left" if name == "phase" else "right")
    for phase, used in page.usage.items():
        numbers = (used.calls, used.tokens_in, used.tokens_out, f"{used.seconds:.1f}", f"{used.cost_usd:.4f}")
        table.add_row(phase, *map(str, numbers))
    out.print(table)
    out.print(f"{len(calls)} recorded chat calls (--json shows them, --replay runs them again)", style="dim")
    out.print("versions: " + ", ".join(f"{name} {value}" for name, value in page.versions), markup=False, style="dim")


def _print_placement(status: str, placement: Placement | DroppedPlacement) -> None:
    out.print(f"\n[bold]{escape(placement.title)}[/]: {status}, {placement.attempts} attempt(s)", highlight=False)
    if isinstance(placement, Placement):
        chosen = ", ".join([*placement.keywords, *placement.categories, *placement.filters])
        out.print(
            f"  chose {chosen or 'nothing'}; out of {placement.candidate_count} terms; "
            f"{len(placement.products)} products",
            markup=False,
            highlight=False,
        )
    for verdict in placement.verdicts:
        _print_verdict(verdict)


def _print_verdict(verdict: Verdict) -> None:
    score = "" if verdict.score is None else f" score {verdict.score:.3f}"
    threshold = "" if verdict.threshold is None else f" (threshold {verdict.threshold:.3f})"
    pruned = f", {len(verdict.pruned)} products out" if verdict.pruned else ""
    out.print(
        f"  {verdict.attempt}. {verdict.guard:<12} {_MARK[verdict.outcome]} -> {verdict.action.value}"
        f"{score}{threshold}{pruned}",
        highlight=False,
    )
    for reason in verdict.reasons:
        out.print(f"       {reason}", markup=False, highlight=False, style="dim")
