"""A small shop as files, and an import of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from catalog.importer import ImportReport, import_files
from state.settings import Settings

PRODUCTS = """product_id,name,aisle,department,price,available
1,Whole Milk,milk,dairy eggs,1.99,true
2,Oat Milk,milk,dairy eggs,2.49,
3,Banana,fresh fruits,produce,0.25,yes
4,Mystery Item,other,other,1,no
"""
ORDERS = """order_id,shopper_id,product_id,order_number,days_since_prior_order,hour,position
o1,ann,1,1,,9,1
o1,ann,3,1,,9,2
o2,ann,3,2,7,10,1
o3,bob,2,1,,20,1
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", threads=1)


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str | bytes], Path]:
    def write_file(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write_file


@pytest.fixture
def run_import(settings: Settings, write: Callable[[str, str | bytes], Path]) -> Callable[..., ImportReport]:
    def run(
        products: str | bytes = PRODUCTS,
        orders: str | bytes | None = ORDERS,
        taxonomy: str | bytes | None = None,
        *,
        strict: bool = False,
    ) -> ImportReport:
        return import_files(
            settings,
            write("products.csv", products),
            None if orders is None else write("orders.csv", orders),
            None if taxonomy is None else write("taxonomy.csv", taxonomy),
            strict=strict,
        )

    return run
