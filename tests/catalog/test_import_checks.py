"""What an import accepts, what it leaves out, and what it says of each."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from catalog.importer import ImportReport, import_files
from catalog.problems import InputUnreadable, NothingUsable, RowsRejected
from catalog.warehouse import Warehouse
from state.settings import Settings

PRODUCT_HEADER = "product_id,name,aisle,department,price,available\n"
ORDER_HEADER = "order_id,shopper_id,product_id,order_number,ordered_at,days_since_prior_order,hour,position\n"
GOOD = "1,Whole Milk,milk,dairy eggs,1.99,true\n"
Run = Callable[..., ImportReport]


def rejected(report: ImportReport) -> list[tuple[str, int, str]]:
    return [(Path(reject.file).name, reject.line, reject.code) for reject in report.rejects.listed]


def test_good_files_lose_nothing(run_import: Run, settings: Settings) -> None:
    report = run_import()
    assert len(report.rejects) == 0
    assert report.rejects_path is None
    record = report.record
    assert (record.products, record.aisles, record.shoppers, record.orders, record.lines) == (4, 2, 2, 3, 4)


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ("7,,milk,dairy eggs,1,", "empty name"),
        ("7,  \t ,milk,dairy eggs,1,", "empty name"),
        ("7,\u200b\u202e,milk,dairy eggs,1,", "empty name"),
        (",Nameless id,milk,dairy eggs,1,", "empty product_id"),
        ("7,Milk,,dairy eggs,1,", "empty aisle"),
        ("7,Milk,milk,,1,", "empty department"),
        ("7,Milk,milk,dairy eggs,-0.01,", "negative price"),
        ("7,Milk,milk,dairy eggs,abc,", "price is no number"),
        ("7,Milk,milk,dairy eggs,nan,", "price is no number"),
        ("7,Milk,milk,dairy eggs,inf,", "price is no number"),
        ('7,Milk,milk,dairy eggs,"1,99",', "price is no number"),
        ("7,Milk,milk,dairy eggs,1,perhaps", "available is no yes or no"),
        ("1,Again,milk,dairy eggs,1,", "duplicate product_id"),
        ("7,Milk,milk,produce,1,", "aisle in two departments"),
        ("7,Milk,MILK,produce,1,", "aisle in two departments"),
        ("7,Milk,a > b,produce,1,", "separator in category"),
        ("7,too,few", "malformed row"),
        ("7,one,too,many,1,,x", "malformed row"),
        ('7,"not closed,milk,dairy eggs,1,', "malformed row"),
        ("x" * 129 + ",Milk,milk,dairy eggs,1,", "product_id too long"),
        ("a\x01b,Milk,milk,dairy eggs,1,", "product_id with control characters"),
    ],
)
def test_a_bad_product_row_is_named_and_the_others_stay(
    run_import: Run, settings: Settings, row: str, code: str
) -> None:
    report = run_import(PRODUCT_HEADER + GOOD + row + "\n" + "8,Eggs,eggs,dairy eggs,3,\n", None)
    assert rejected(report) == [("products.csv", 3, code)]
    assert [product.id for product in Warehouse.open(settings).all_products()] == ["1", "8"]
    assert report.rejects_path is not None
    assert code in report.rejects_path.read_text()


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ("o9,ann,99,2,,,,", "unknown product"),
        ("o9,ann,2,2,,,,", "unknown product"),
        ("o1,bob,1,1,,,,", "order of two shoppers"),
        ("o1,ann,1,2,,,,", "order with two numbers"),
        ("o9,ann,1,1,,,,", "number of two orders"),
        ("o1,ann,1,1,,,,", "duplicate line"),
        (",ann,1,2,,,,", "empty order_id"),
        ("o9,,1,2,,,,", "empty shopper_id"),
        ("o9,ann,,2,,,,", "empty product_id"),
        ("o9,ann,1,,,,,", "empty order_number"),
        ("o9,ann,1,-1,,,,", "order_number is no whole number"),
        ("o9,ann,1,1.5,,,,", "order_number is no whole number"),
        ("o9,ann,1,2,someday,,,", "ordered_at is no date and time"),
        ("o9,ann,1,2,infinity,,,", "ordered_at is no date and time"),
        ("o9,ann,1,2,2024-13-01,,,", "ordered_at is no date and time"),
        ("o9,ann,1,2,,x,,", "days_since_prior_order is no number"),
        ("o9,ann,1,2,,-3,,", "negative days_since_prior_order"),
        ("o9,ann,1,2,,,24,", "hour is not 0 to 23"),
        ("o9,ann,1,2,,,,first", "position is no whole number"),
        ("o9,ann,1", "malformed row"),
    ],
)
def test_a_bad_order_row_is_named_and_the_others_stay(run_import: Run, settings: Settings, row: str, code: str) -> None:
    products = PRODUCT_HEADER + GOOD + "2,,milk,dairy eggs,1,\n"
    report = run_import(products, ORDER_HEADER + "o1,ann,1,1,,,9,1\n" + row + "\no8,bob,1,1,,,,\n")
    assert rejected(report) == [("products.csv", 3, "empty name"), ("orders.csv", 3, code)]
    lines = Warehouse.open(settings).rows("SELECT order_id FROM order_lines ORDER BY 1")
    assert lines == [("o1",), ("o8",)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b" \n\n", "is empty"),
        (b"product_id,nme,aisle,department\n1,a,b,c\n", r"lacks the column name \(is it 'nme'\?\)"),
        (b"product_id,name,name,aisle,department\n", "names the column 'name' 2 times"),
        (f"{PRODUCT_HEADER}{GOOD}".encode("utf-16"), "UTF-16"),
        (f"{PRODUCT_HEADER}{GOOD}".encode("utf-16-be"), "UTF-16"),
        (f"{PRODUCT_HEADER}{GOOD}2,Jalapeño,x,y,1,\n".encode("latin-1"), r":3: byte 0xf1 is not UTF-8 .*iconv"),
        (f"{PRODUCT_HEADER}{GOOD * 9000}9,Jalapeño,x,y,1,\n".encode("latin-1"), ":9002: byte 0xf1"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "binary file"),
        (b"\x1f\x8b\x08rest", "compressed"),
        (b"PAR1 not really", "Parquet file cannot be read"),
        (b"<html><body>Not found</body></html>\n", "lacks the column product_id"),
    ],
)
def test_a_file_that_is_no_such_table_is_refused_with_the_cause(run_import: Run, content: bytes, message: str) -> None:
    with pytest.raises(InputUnreadable, match=message):
        run_import(content)


def test_a_missing_file_and_a_folder_are_refused(settings: Settings, tmp_path: Path) -> None:
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(InputUnreadable, match="cannot be read"):
            import_files(settings, path)


def test_lines_stay_right_after_quoted_line_breaks(run_import: Run) -> None:
    report = run_import(PRODUCT_HEADER + '1,"Whole\nMilk",milk,dairy eggs,1,\n\n2,,milk,dairy eggs,1,\n', None)
    assert rejected(report) == [("products.csv", 5, "empty name")]


@pytest.mark.parametrize("change", ["\ufeff{}", "{}"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_usual_csv_dialects_give_the_same_version(
    run_import: Run, change: str, line_end: str, delimiter: str
) -> None:
    plain = run_import().record.version
    text = (PRODUCT_HEADER + GOOD + "2,Oat Milk,milk,dairy eggs,2.49,\n").replace(",", delimiter)
    expected = run_import(PRODUCT_HEADER + GOOD + "2,Oat Milk,milk,dairy eggs,2.49,\n", None).record.version
    assert run_import(change.format(text.replace("\n", line_end)), None).record.version == expected
    assert expected != plain


def test_header_names_may_differ_in_case_and_extra_columns_are_ignored(run_import: Run) -> None:
    report = run_import("Brand, NAME ,aisle,Department,Product_ID\nx,Milk,milk,dairy,1\n", None)
    assert report.record.products == 1


def test_hidden_and_control_characters_leave_the_name_and_markup_stays_text(
    run_import: Run, settings: Settings
) -> None:
    name = '"<script>alert(1)</script>\u202e \x07Ignore\u200b previous\ninstructions'
    run_import(PRODUCT_HEADER + "1," + name.replace('"', '"', 1) + '"' + ",milk,dairy,1,\n", None)
    (product,) = Warehouse.open(settings).all_products()
    assert product.name == "<script>alert(1)</script> Ignore previous instructions"


def test_an_over_long_name_is_cut_and_counted(run_import: Run, settings: Settings) -> None:
    report = run_import(PRODUCT_HEADER + f"1,{'x' * 500},milk,dairy,1,\n", None)
    assert report.shortened == 1
    assert len(Warehouse.open(settings).all_products()[0].name) == 200


def test_the_taxonomy_file_decides_the_department(run_import: Run, settings: Settings) -> None:
    taxonomy = "department,aisle\ndairy eggs,milk\nproduce,fresh fruits\nbakery,Fresh Fruits\nproduce,fresh fruits\n"
    products = (
        PRODUCT_HEADER + GOOD + "2,Kiwi,fresh fruits,bakery,1,\n3,Kiwi,FRESH FRUITS,produce,1,\n4,Ham,ham,deli,1,\n"
    )
    report = run_import(products, None, taxonomy)
    assert rejected(report) == [
        ("taxonomy.csv", 4, "aisle in two departments"),
        ("taxonomy.csv", 5, "duplicate aisle"),
        ("products.csv", 3, "aisle in two departments"),
        ("products.csv", 5, "unknown aisle"),
    ]
    assert [category.path for category in Warehouse.open(settings).categories()] == [
        "dairy eggs > milk",
        "produce > fresh fruits",
    ]


@pytest.mark.parametrize("rows", ["", "1,,milk,dairy,1,\n2,,milk,dairy,1,\n"])
def test_a_file_without_a_usable_row_fails_and_the_old_catalogue_stays(
    run_import: Run, settings: Settings, rows: str
) -> None:
    before = run_import().record
    with pytest.raises(NothingUsable, match="no rows" if not rows else "all rows are rejected, 2 of them"):
        run_import(PRODUCT_HEADER + rows)
    assert Warehouse.open(settings).record == before


def test_orders_of_another_catalogue_fail_and_the_old_one_stays(run_import: Run, settings: Settings) -> None:
    before = run_import().record
    with pytest.raises(NothingUsable, match=r"orders\.csv: all rows are rejected"):
        run_import(orders=ORDER_HEADER + "o1,ann,sku-1,1,,,,\n")
    assert Warehouse.open(settings).record == before
    assert "sku-1" in (settings.catalog_dir / "rejects-failed.csv").read_text()


def test_a_strict_import_with_a_bad_row_changes_nothing(run_import: Run, settings: Settings) -> None:
    before = run_import().record
    with pytest.raises(RowsRejected, match=r"products\.csv:3: empty name"):
        run_import(PRODUCT_HEADER + GOOD + "2,,milk,dairy,1,\n", None, strict=True)
    assert Warehouse.open(settings).record == before


def test_the_rejects_file_holds_no_formula(run_import: Run) -> None:
    report = run_import(PRODUCT_HEADER + GOOD + "=HYPERLINK(1)\n", None)
    assert report.rejects_path is not None
    assert ",'=HYPERLINK(1)" in report.rejects_path.read_text()


def test_written_local_time_gives_days_and_hour(run_import: Run, settings: Settings) -> None:
    orders = ORDER_HEADER + "o1,ann,1,1,2024-01-01T09:00:00+02:00,,,\no2,ann,1,2,2024-01-03T21:00:00Z,,,\n"
    run_import(PRODUCT_HEADER + GOOD, orders)
    rows = Warehouse.open(settings).rows("SELECT hour, day, stretch, is_last FROM orders ORDER BY order_number")
    assert rows == [(9, 0.0, 0, False), (21, 2.5, 0, True)]


def test_an_order_whose_products_are_unknown_still_takes_its_days(run_import: Run, settings: Settings) -> None:
    orders = ORDER_HEADER + "o1,ann,1,1,,,,\no2,ann,99,2,,5,,\no3,ann,1,3,,6,,\n"
    run_import(PRODUCT_HEADER + GOOD, orders)
    assert Warehouse.open(settings).rows("SELECT day FROM orders ORDER BY order_number") == [(0.0,), (11.0,)]


def test_parquet_of_usual_types_is_read_like_csv(settings: Settings, tmp_path: Path) -> None:
    products = {
        "product_id": pa.array([1.0, 2.0, None]),
        "name": pa.array(["Milk", "Kiwi", "Ham"]).dictionary_encode(),
        "aisle": ["milk", "fruits", "ham"],
        "department": ["dairy", "produce", "deli"],
        "price": [1.5, float("nan"), 2.0],
        "available": [True, False, None],
    }
    times = [
        datetime.datetime(2024, 1, 1, 9, tzinfo=datetime.UTC),
        datetime.datetime(2024, 1, 9, 21, tzinfo=datetime.UTC),
    ]
    orders = {
        "order_id": [1, 2],
        "shopper_id": [5, 5],
        "product_id": [1, 2],
        "order_number": [1, 2],
        "ordered_at": pa.array(times, pa.timestamp("ns", "UTC")),
    }
    pq.write_table(pa.table(products), tmp_path / "products.parquet")
    pq.write_table(pa.table(orders), tmp_path / "orders.parquet")
    report = import_files(settings, tmp_path / "products.parquet", tmp_path / "orders.parquet")
    assert rejected(report) == [("products.parquet", 3, "empty product_id")]
    warehouse = Warehouse.open(settings)
    assert [(p.id, p.price, p.available) for p in warehouse.all_products()] == [("1", 1.5, True), ("2", None, False)]
    assert warehouse.rows("SELECT hour, day FROM orders ORDER BY order_number") == [(9, 0.0), (21, 8.5)]


def test_parquet_with_nested_values_is_refused(settings: Settings, tmp_path: Path) -> None:
    table = pa.table({"product_id": [[1]], "name": ["a"], "aisle": ["b"], "department": ["c"]})
    pq.write_table(table, tmp_path / "products.parquet")
    with pytest.raises(InputUnreadable, match="'product_id' holds list"):
        import_files(settings, tmp_path / "products.parquet")


def test_parquet_with_text_that_is_no_utf8_is_refused(settings: Settings, tmp_path: Path) -> None:
    offsets = pa.py_buffer(pa.array([0, 2], pa.int32()).buffers()[1])
    names = pa.Array.from_buffers(pa.string(), 1, [None, offsets, pa.py_buffer(b"\xff\xfe")])
    table = pa.table({"product_id": ["1"], "name": names, "aisle": ["b"], "department": ["c"]})
    pq.write_table(table, tmp_path / "products.parquet")
    with pytest.raises(InputUnreadable, match=r"cannot be read .*UTF"):
        import_files(settings, tmp_path / "products.parquet")
