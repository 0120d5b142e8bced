"""Which rewrites are synonyms: the model's file is checked, likelier ones come first, unlikely ones go."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.small_shop import WordEmbedder

from state.errors import ModelsError
from state.intent import Attribute, LabelledQuery, Rewrites, Roles
from tools.labelled_queries import LabelledQueries
from tools.synonyms import SIGNS, SYNONYMS_FILE, SynonymModel, Synonyms

DRINKS = "beverages > soft drinks"
LABELLED = LabelledQueries(
    [
        LabelledQuery(
            query="diet soda",
            corrected="diet soda",
            product="soda",
            categories=[DRINKS],
            rewrites=Rewrites(synonym=["diet pop"]),
        )
    ],
    WordEmbedder(),
)
TAUGHT = SynonymModel(
    signs=SIGNS,
    weights=tuple(4.0 if sign == "taught_here" else 0.0 for sign in SIGNS),
    offset=-1.0,
    threshold=0.25,
    embedder=WordEmbedder().name,
)


def test_the_taught_one_comes_first_and_what_is_below_the_threshold_goes() -> None:
    best = Synonyms(TAUGHT, LABELLED).best
    found = best("cherry soda", Roles(product="soda"), [DRINKS], ["cherry cola", "cherry pop", "cherry cola"])
    assert found == ["cherry pop", "cherry cola"]
    strict = Synonyms(TAUGHT.model_copy(update={"threshold": 0.5}), LABELLED)
    assert strict.best("cherry soda", Roles(product="soda"), [DRINKS], ["cherry cola", "cherry pop"]) == ["cherry pop"]
    assert strict.best("cherry soda", Roles(product="soda"), [], ["cherry pop"]) == []
    assert strict.best("cherry soda", Roles(product="soda"), [DRINKS], []) == []


def test_signs_tell_what_was_kept_and_what_was_lost() -> None:
    asked = Roles(brand="zevia", product="soda", attributes=[Attribute(type="flavor", value="cherry")])
    [kept, lost] = Synonyms(TAUGHT, LABELLED).signs(
        "zevia cherry soda", asked, [DRINKS], ["zevia cherry pop", "grape soda soda"]
    )
    signs = [dict(zip(SIGNS, row, strict=True)) for row in (kept, lost)]
    assert [(row["brand_kept"], row["attributes_kept"], row["product_renamed"]) for row in signs] == [
        (1.0, 1.0, 1.0),
        (0.0, 0.0, 0.0),
    ]
    assert [row["repeated"] for row in signs] == [0.0, 1.0]
    assert [row["taught_share"] for row in signs] == [1.0, 0.0]


def test_a_query_that_is_left_out_teaches_nothing() -> None:
    [row] = Synonyms(TAUGHT, LABELLED).signs(
        "cherry soda", Roles(product="soda"), [DRINKS], ["cherry pop"], without=["diet soda"]
    )
    assert row[SIGNS.index("taught_here")] == 0.0


@pytest.mark.parametrize(
    "content", ["", "{", '{"signs": ["cosine"], "weights": [1], "offset": 0, "threshold": 0, "embedder": "x"}']
)
def test_a_file_that_does_not_fit_is_refused_with_the_command_that_makes_it(tmp_path: Path, content: str) -> None:
    path = tmp_path / "synonyms.json"
    path.write_text(content)
    with pytest.raises(ModelsError, match="query_synonyms"):
        Synonyms.open(LABELLED, path=path)


def test_the_shipped_model_is_of_these_signs_and_refuses_another_embedder() -> None:
    shipped = SynonymModel.model_validate_json(SYNONYMS_FILE.read_bytes())
    assert shipped.signs == SIGNS
    assert len(shipped.weights) == len(SIGNS)
    with pytest.raises(ModelsError, match="embedder"):
        Synonyms.open(LABELLED, path=SYNONYMS_FILE)
