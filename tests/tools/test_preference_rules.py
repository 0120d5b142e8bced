"""Each preference is read from the names and shelves that show it, and not from look-alikes."""

from __future__ import annotations

from pathlib import Path

import pytest

from state.errors import SettingsError
from tools.preferences import PreferenceReader, load_rules


@pytest.fixture(scope="module")
def reader() -> PreferenceReader:
    return PreferenceReader(load_rules())


@pytest.mark.parametrize(
    ("name", "department", "aisle", "shown"),
    [
        ("Organic Baby Spinach", "produce", "packaged vegetables fruits", {"organic"}),
        ("2% Reduced Fat Milk", "dairy eggs", "milk", {"low fat"}),
        ("100% Whole Wheat Bread", "bakery", "bread", {"whole grain"}),
        ("1% Hydrocortisone Cream", "personal care", "first aid", set()),
        ("Unsweetened Almond Milk", "dairy eggs", "soy lactosefree", {"plant-based", "unsweetened"}),
        ("Milk Chocolate Almonds", "snacks", "candy chocolate", set()),
        ("Lactose Free Whole Milk", "dairy eggs", "soy lactosefree", {"lactose free"}),
        ("Coconut Milk Shampoo", "personal care", "hair care", set()),
        ("Beef Hot Dogs", "meat seafood", "hot dogs bacon sausage", set()),
        ("Chicken Recipe", "pets", "dog food care", {"dog at home"}),
        ("Clumping Litter", "pets", "cat food care", {"cat at home"}),
        ("Sensitive Wipes", "babies", "diapers wipes", {"baby at home"}),
        ("Kosher Dill Spears", "pantry", "pickled goods olives", set()),
        ("Jalapeño Cheddar Crisps", "snacks", "chips pretzels", {"spicy"}),
        ("Diet Cola", "beverages", "soft drinks", {"sugar free"}),
        ("Unsalted Sweet Cream Butter", "dairy eggs", "butter", set()),
        ("Toddler Snack Bars", "snacks", "energy granola bars", {"children at home"}),
        ("Gluten-Free Multigrain Crackers", "snacks", "crackers", {"gluten free", "whole grain"}),
        ("Inorganic Fertiliser", "household", "more household", set()),
    ],
)
def test_a_name_and_its_shelf_show_these_preferences(
    reader: PreferenceReader, name: str, department: str, aisle: str, shown: set[str]
) -> None:
    assert set(reader.shown_by(name, department, aisle)) == shown


@pytest.mark.parametrize(
    "text",
    [
        "",
        "rules: []",
        "defaults: {min_lines: 1, min_share: 0, min_lift: 1}\nrules: [{name: a, names: ['(']}]",
        "defaults: {min_lines: 1, min_share: 0, min_lift: 1}\nrules: [{name: a, typo: 1}]",
        "defaults: {min_lines: 1, min_share: 0, min_lift: 1}\nrules: [{name: a}, {name: a}]",
        "{",
    ],
)
def test_a_broken_rules_file_is_refused_with_its_path(tmp_path: Path, text: str) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(text)
    with pytest.raises(SettingsError, match=r"rules\.yaml"):
        load_rules(path)
