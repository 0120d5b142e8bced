"""Makes the frozen set on which judges are checked for drift: ``python benchmarks/judge_frozen_set.py --write``.

Placements and pages of test shoppers, half of them with faults of families that no training example shows
(training/judge_corruptions.py), each with all that the judge is shown, so that no catalogue is needed to ask again.
Made again, it is another set: baselines of the one before say nothing of it.
"""

from __future__ import annotations

import hashlib
from typing import Annotated

import typer

from catalog.warehouse import Warehouse
from cli.console import err
from evaluation.frozen_set import CHECKSUM, FOLDER, ITEMS, FrozenItem, pack
from evaluation.sampling import SHOWN_PRODUCTS, SHOWN_TRAITS
from state.errors import ShelfwiseError
from state.settings import load_settings
from tools.shopper import ShopperContextTool
from training.datasets import write_whole
from training.judge_corruptions import judge_examples

SEED = 11
"""Another than that of benchmarks/judge_questions.py: by the two sets together a judge is not known by heart."""


def main(
    placements: Annotated[int, typer.Option(min=0, help="Placements, at most.")] = 24,
    pages: Annotated[int, typer.Option(min=0, help="Pages, at most.")] = 8,
    write: Annotated[bool, typer.Option("--write", help=f"Store the set in {FOLDER.name}/.")] = False,
) -> None:
    """Make the set and say what it holds."""
    warehouse = Warehouse.open(load_settings())
    shoppers = ShopperContextTool(warehouse)
    examples = judge_examples("test", warehouse, shoppers, placements=placements, pages=pages, seed=SEED)
    items = []
    for number, example in enumerate(examples):
        shopper = shoppers.load(example.shopper_id)
        shown = {"products": shopper.products[:SHOWN_PRODUCTS], "aisles": shopper.aisles[:SHOWN_TRAITS]}
        items.append(
            FrozenItem(
                id=f"{'page' if example.placement_id is None else 'placement'}-{number:03}",
                page=example.placement_id is None,
                shopper=shopper.model_copy(update={**shown, "last_order": [], "picked": []}),
                placements=example.placements,
                min_products=example.min_products,
                truth={name: given.answer == "yes" for name, given in example.answers},
            )
        )
    content = pack(items)
    digest = hashlib.sha256(content).hexdigest()
    err.print(f"{len(items)} items, {sum(item.page for item in items)} of them pages, {len(content):,} bytes, {digest}")
    if write:
        write_whole(FOLDER / ITEMS, content)
        write_whole(FOLDER / CHECKSUM, f"{digest}  {ITEMS}\n".encode())


if __name__ == "__main__":
    try:
        typer.run(main)
    except ShelfwiseError as error:
        err.print(str(error), markup=False)
        raise SystemExit(2) from None
