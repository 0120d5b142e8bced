"""The encoder of query roles: a vocabulary cut to what is needed, a training that learns, files that are checked."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from support.labelled import tagged_goods
from support.small_shop import SmallCatalog, WordEmbedder

from engines.query_tagger import CARD, FILES, QueryTagger, first_tokens
from evaluation.intent_scores import role_scores
from state.errors import ModelsError, ModelsMissing
from tools.mixed_roles import TAGGER_DIR, MixedRoles
from tools.query_roles import CrfRoles
from training.query_crf import train_crf

pytest.importorskip("torch")

from training.query_tagger import lean_tokenizer, train_tagger

PIECES = ["yogurt", "vanilla", "ber", "##ry", "bread", "rye", "raisin", "tea", "loose", "acme", "zest", "unused", "##x"]
LETTERS = "abcdefghijklmnopqrstuvwxyz"


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a BERT of random weights and a WordPiece tokenizer."""
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel

    folder = tmp_path_factory.mktemp("base")
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    words = [*special, *PIECES, *LETTERS, *(f"##{letter}" for letter in LETTERS if letter != "x")]
    tokenizer = Tokenizer(models.WordPiece({word: at for at, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.add_special_tokens(special)
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    torch.manual_seed(3)
    sizes = {"hidden_size": 48, "num_hidden_layers": 1, "num_attention_heads": 4, "intermediate_size": 64}
    # Weights large enough to tell words apart: its embeddings are not trained.
    model = BertModel(BertConfig(vocab_size=len(words), max_position_embeddings=32, **sizes))
    torch.nn.init.normal_(model.embeddings.word_embeddings.weight)
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def field(tmp_path_factory: pytest.TempPathFactory) -> CrfRoles:
    path = tmp_path_factory.mktemp("field") / "roles.crfsuite"
    train_crf(tagged_goods()[::3], path, SmallCatalog(), WordEmbedder())
    return CrfRoles.open(path, SmallCatalog(), tagged_goods()[::3], WordEmbedder())


@pytest.fixture(scope="module")
def trained(source: Path, field: CrfRoles, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("tagger")
    rows = tagged_goods()
    train_tagger(rows * 8, rows, source, field, ["rye bread"], out, epochs=40, base="tiny")
    return out


def test_a_lean_tokenizer_says_the_same_in_fewer_tokens(source: Path) -> None:
    from tokenizers import Tokenizer

    whole = Tokenizer.from_file(str(source / "tokenizer.json"))
    lean, kept = lean_tokenizer(source / "tokenizer.json", ["berry yogurt", "rye bread"])
    assert lean.get_vocab_size() == len(kept) < whole.get_vocab_size()
    told = lean.encode("berry bread")
    assert told.tokens == ["[CLS]", "ber", "##ry", "bread", "[SEP]"]
    assert [kept[at] for at in told.ids] == whole.encode("berry bread").ids
    # What was cut can still be spelt.
    assert lean.encode("unused").tokens == ["[CLS]", "u", "##n", "##u", "##s", "##e", "##d", "[SEP]"]


def test_a_word_is_read_at_its_first_token_and_one_without_at_what_follows() -> None:
    assert first_tokens([None, 0, 0, 1, None], 2) == [1, 3]
    assert first_tokens([None, 1, None], 3) == [1, 1, 0]


def test_it_learns_what_it_is_shown_and_its_share_is_chosen(trained: Path, field: CrfRoles) -> None:
    tagger = QueryTagger.load(trained)
    assert 0 < tagger.card.share <= 0.5
    assert (tagger.card.queries, tagger.card.base) == (8 * len(tagged_goods()), "tiny")
    alone = MixedRoles(field, tagger, tagger.card.tags, 1.0)
    assert role_scores([(row, alone.roles(row.corrected)[0]) for row in tagged_goods()]).f1.estimate > 0.9


def test_probabilities_are_told_for_every_word(trained: Path) -> None:
    tagger = QueryTagger.load(trained)
    found = tagger.chances(["vanilla", "☃", "yogurt"])
    assert found.shape == (3, len(tagger.card.tags))
    assert np.exp(found).sum(axis=1) == pytest.approx([1, 1, 1])
    assert tagger.chances([]).shape == (0, len(tagger.card.tags))


@pytest.mark.parametrize("name", [*FILES, CARD])
def test_damaged_and_missing_files_are_named(trained: Path, tmp_path: Path, name: str) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in trained.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    (copy / name).write_bytes(b"{}")
    with pytest.raises(ModelsError, match=name):
        QueryTagger.load(copy)
    (copy / name).unlink()
    with pytest.raises((ModelsError, ModelsMissing), match=name):
        QueryTagger.load(copy)


def test_a_card_tells_another_version_for_other_weights(trained: Path) -> None:
    card = QueryTagger.load(trained).card
    other = card.model_copy(update={"files": {**card.files, FILES[1]: "0" * 64}})
    assert card.version != other.version != card.model_copy(update={"share": 0.9}).version
    assert json.loads((trained / CARD).read_text())["chosen_on"] == "dev"


def test_the_shipped_encoder_is_whole_and_names_no_machine() -> None:
    tagger = QueryTagger.load(TAGGER_DIR)
    tags = tagger.card.tags
    told = [tags[at] for at in tagger.chances(["organic", "peanut", "butter"]).argmax(axis=1)]
    assert told[1:] == ["B-product", "I-product"]
    assert not any(place in (TAGGER_DIR / FILES[0]).read_text() for place in ("/home/", "/root/", "/tmp/"))
    assert (TAGGER_DIR / "README.md").is_file()
