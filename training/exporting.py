"""What to ask the teacher: requests for shoppers, for themes of designs, and for finished pages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pydantic import ValidationError

from agents.judge import page_messages, placement_messages
from agents.keyword_writer import keyword_messages
from agents.page_designer import design_messages
from graph.services import KeywordTool, ProductTool, ShopperLoader
from state.catalog import Category, Product
from state.placement import Page, Placement
from tools.vocabulary import retrieve_vocabulary
from training.datasets import DatasetError, first_fault, read_lines
from training.examples import DesignExample, ThemeLabel
from training.relevance_answer import ShownProduct, relevance_messages
from training.relevance_pool import products_to_label
from training.requests import BatchRequest, batch_request
from training.splits import Split, shopper_split
from training.subjects import DesignSubject, JudgeSubject, KeywordsSubject, RelevanceSubject, Subject

Asked = tuple[Subject, BatchRequest]


class Catalog(Protocol):
    """What exports need of the catalogue."""

    def all_products(self) -> list[Product]: ...

    def categories(self) -> Sequence[Category]: ...


@dataclass(frozen=True)
class Shop:
    """What requests are made from, as the page graph uses it. Themes need search, keywords the corpus besides."""

    shoppers: ShopperLoader
    catalog: Catalog
    keywords: KeywordTool | None = None
    products: ProductTool | None = None


def choose_shoppers(ids: Sequence[str], split: Split | None, limit: int | None) -> list[str]:
    """Return distinct ``ids`` of ``split`` (all without), in their order, at most ``limit``."""
    wanted = [shopper for shopper in dict.fromkeys(ids) if split is None or shopper_split(shopper) == split]
    return wanted[:limit]


def design_requests(shop: Shop, ids: Iterable[str], model: str, themes: int, *, hold_out_last: bool) -> Iterator[Asked]:
    """Yield a request for a page of ``themes`` themes for each shopper; cold shoppers are asked about as cold."""
    for shopper_id in ids:
        subject = DesignSubject(shopper_id=shopper_id, themes=themes)
        context = shop.shoppers.load(shopper_id, hold_out_last=hold_out_last)
        yield subject, batch_request(subject, design_messages(context, themes), model)


def keyword_requests(shop: Shop, themes: Iterable[ThemeLabel], model: str, candidates: int) -> Iterator[Asked]:
    """Yield a request for each theme, with the vocabulary that the page graph would retrieve for it."""
    assert shop.keywords is not None
    assert shop.products is not None
    for theme in themes:
        placement = theme.as_placement()
        vocabulary = retrieve_vocabulary(shop.keywords, shop.products, shop.catalog, placement, candidates)
        subject = KeywordsSubject(theme=theme, vocabulary=vocabulary)
        yield subject, batch_request(subject, keyword_messages(placement, vocabulary), model)


def relevance_requests(shop: Shop, themes: Iterable[ThemeLabel], model: str, seed: int) -> Iterator[Asked]:
    """Yield a request for each theme about some two dozen products; a theme without products is left out."""
    assert shop.products is not None
    catalog = shop.catalog.all_products()
    for theme in themes:
        chosen = products_to_label(theme, shop.products, catalog, seed)
        shown = [ShownProduct(id=item.id, name=item.name, aisle=item.aisle) for item in chosen]
        if shown:
            subject = RelevanceSubject(theme=theme, products=shown)
            yield subject, batch_request(subject, relevance_messages(theme, shown), model)


def judge_requests(shop: Shop, pages: Iterable[Page], model: str, min_products: int) -> Iterator[Asked]:
    """Yield a request for each page as a whole, and one for each of its placements."""
    for page in pages:
        shopper = shop.shoppers.load(page.shopper_id)
        placements = [_bare(placement) for placement in page.placements]
        if not placements:
            continue
        whole = JudgeSubject(shopper_id=page.shopper_id, placements=placements, min_products=min_products)
        yield whole, batch_request(whole, page_messages(shopper, placements), model)
        for placement in placements:
            one = JudgeSubject(
                shopper_id=page.shopper_id,
                placement_id=placement.id,
                placements=[placement],
                min_products=min_products,
            )
            yield one, batch_request(one, placement_messages(shopper, placement, min_products), model)


def themes_of(designs: Iterable[DesignExample], ids: Iterable[str]) -> list[ThemeLabel]:
    """Return the themes of the designs of these shoppers, in the order of ``ids``."""
    by_shopper = {design.shopper_id: design for design in designs}
    return [theme for shopper in ids if shopper in by_shopper for theme in by_shopper[shopper].themes]


def read_pages(path: Path) -> list[Page]:
    """Return the pages of a file that ``shelfwise pages --out`` wrote; lines of failed shoppers are passed over.

    Raises:
        DatasetError: a line is no page.
    """
    lines, problems = read_lines(path)
    if problems:
        raise DatasetError(f"{path}, line {problems[0].line}: {problems[0].reason}. Make the pages again.")
    pages = []
    for line in lines:
        if "error" in line.record:
            continue
        try:
            pages.append(Page.model_validate(line.record))
        except ValidationError as error:
            raise DatasetError(f"{path}, line {line.number} is no page ({first_fault(error)}).") from None
    return pages


def _bare(placement: Placement) -> Placement:
    """Return the placement without what came of it later: verdicts and bookkeeping are not shown to the judge."""
    kept = {"id", "position", "title", "need", "rationale", "concepts", "products"}
    return Placement.model_validate(placement.model_dump(include=kept))
