"""Token ids against vocabularies counted by hand."""

import pickle
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slp_core.context import Context
from slp_core.errors import UserError
from slp_core.manifest import read_manifest, write_manifest
from slp_core.schema import Bad, structure
from slp_core.signals import Clip, SignalError
from slp_core.tensortype import Symbol
from slp_encoders.processors.text.reader import TextReader
from slp_encoders.processors.text.spec import SPEC, TextConfig

TEXTS = ["MORGEN REGEN cl-KOMMEN", "MORGEN __ON__ SONNE", "REGEN MORGEN", "Äpfel ßen"]
WORDS = st.text("abAB", min_size=1, max_size=3)
SENTENCES = st.lists(WORDS, min_size=1, max_size=6).map(" ".join)


@pytest.fixture
def reader(tmp_path: Path) -> Any:
    def make(texts: list[str] = TEXTS, **config: Any) -> TextReader:
        file = tmp_path / "train.tsv"
        write_manifest(file, ["gloss", "text"], [[text, "x"] for text in texts])
        return TextReader(TextConfig(**config), Context(signal="gloss", train=read_manifest(file)))

    return make


def ids(reader: TextReader, text: str) -> list[int]:
    signal = reader.read(Clip(text))
    assert signal.values.dtype == np.int64 and np.isnan(signal.rate)
    return signal.values.tolist()


def test_words_are_numbered_by_frequency_then_spelling(reader: Any) -> None:
    made = reader()
    order = ["MORGEN", "REGEN", "SONNE", "__ON__", "cl-KOMMEN", "Äpfel", "ßen"]
    assert ids(made, " ".join(order)) == [2, 3, 4, 5, 6, 7, 8]
    assert made.sizes() == {"vocabulary": 9}
    assert ids(made, "MORGEN HEUTE morgen") == [2, 1, 1]
    assert ids(made, "  MORGEN \u00a0 REGEN ") == [2, 3]


def test_lower_min_count_and_size(reader: Any) -> None:
    assert ids(reader(lower=True), "morgen MORGEN äPFEL") == [2, 2, 8]
    assert ids(reader(min_count=2), "MORGEN REGEN SONNE") == [2, 3, 1]
    assert ids(reader(size=3), "MORGEN REGEN SONNE") == [2, 1, 1]
    assert reader(size=3).sizes() == {"vocabulary": 3}


@settings(max_examples=50)
@given(texts=st.lists(SENTENCES, min_size=1, max_size=8), text=SENTENCES, least=st.integers(1, 3))
def test_words_against_a_counter(
    tmp_path_factory: Any, texts: list[str], text: str, least: int
) -> None:
    file = tmp_path_factory.mktemp("rows") / "train.tsv"
    write_manifest(file, ["gloss"], [[one] for one in texts])
    context = Context(signal="gloss", train=read_manifest(file))
    counts = Counter(" ".join(texts).split())
    known = sorted((w for w in counts if counts[w] >= least), key=lambda w: (-counts[w], w))
    expected = [2 + known.index(w) if w in known else 1 for w in text.split()]
    assert ids(TextReader(TextConfig(min_count=least), context), text) == expected


def test_characters(reader: Any) -> None:
    made = reader(["aba b", "ü"], vocabulary="char")
    assert ids(made, "ab üx") == [2, 3, 4, 5, 1]  # a and b twice each, then the space


def test_pieces(reader: Any) -> None:
    made = reader(["regen regen sonne", "regenbogen sonne"] * 5, vocabulary="bpe", size=20)
    assert made.sizes() == {"vocabulary": 20}
    text = "sonnebogen regen"
    pieces = made.tokenizer.encode(text).tokens
    assert "".join(pieces).replace("▁", " ") == " " + text
    assert "▁regen" in pieces and len(pieces) < len(text)
    assert 1 in ids(made, "q")


@pytest.mark.parametrize("vocabulary", ["word", "bpe", "char"])
def test_special_units_in_the_text_shift_nothing(reader: Any, vocabulary: str) -> None:
    texts = ["<pad> <unk> x x y", "x<unk>"] * 10
    made = reader(texts, vocabulary=vocabulary)
    numbers = sorted(made.tokenizer.get_vocab().values())
    assert numbers == list(range(made.sizes()["vocabulary"]))
    assert made.tokenizer.token_to_id("<pad>") == 0 and made.tokenizer.token_to_id("<unk>") == 1


@pytest.mark.parametrize("config", [{}, {"vocabulary": "bpe", "size": 30}, {"vocabulary": "char"}])
def test_learnt_twice_and_opened_again_is_the_same(
    reader: Any, config: dict[str, Any], tmp_path: Path
) -> None:
    made = reader(lower=True, **config)
    assert reader(lower=True, **config).tokenizer.to_str() == made.tokenizer.to_str()
    made.save_assets(tmp_path / "assets")
    again = TextReader(made.config, Context(assets=tmp_path / "assets"))
    for text in (*TEXTS, "ganz neu"):
        assert ids(again, text) == ids(made, text) == ids(pickle.loads(pickle.dumps(made)), text)
    assert again.sizes() == made.sizes() and again.unknown == made.unknown == 1


def test_reading_is_safe_in_threads(reader: Any) -> None:
    made = reader()
    with ThreadPoolExecutor(8) as pool:
        assert len(set(map(tuple, pool.map(lambda _: ids(made, TEXTS[0]), range(500))))) == 1


def test_dropped_units_become_unknown(reader: Any) -> None:
    made, rng = reader(drop=0.3), np.random.default_rng(0)
    signal = made.read(Clip("MORGEN " * 5000))
    augmented = made.augment(signal, rng).values
    assert set(augmented) == {1, 2} and abs((augmented == 1).mean() - 0.3) < 0.03
    assert augmented.dtype == np.int64 and set(signal.values) == {2}
    assert reader().augment(signal, rng) is signal


def test_substituted_units_become_any_other(reader: Any) -> None:
    made, rng = reader(drop=0.1, substitute=0.3), np.random.default_rng(0)
    found = made.augment(made.read(Clip("MORGEN SONNE " * 10_000)), rng).values
    assert found.dtype == np.int64 and len(found) == 20_000
    for place, unit in ((0, 2), (1, 4)):  # MORGEN, SONNE
        share = np.bincount(found[place::2], minlength=9) / 10_000
        expected = np.full(9, 0.3 / 6)
        expected[[0, 1, unit]] = 0.0, 0.1, 0.6
        assert np.abs(share - expected).max() < 0.02


def test_inserted_units_stand_beside_the_others(reader: Any) -> None:
    made, rng = reader(insert=0.2), np.random.default_rng(0)
    before = behind = 0
    counts = np.zeros(9)
    for _ in range(10_000):
        found = made.augment(made.read(Clip("HEUTE")), rng).values  # unknown, as no other is
        assert 1 in found and len(found) <= 2
        if len(found) == 2:
            before, behind = before + (found[1] == 1), behind + (found[0] == 1)
            counts[found[found != 1]] += 1
    assert abs((before + behind) / 10_000 - 0.2) < 0.02
    assert abs(before / (before + behind) - 0.5) < 0.05
    assert np.abs(counts[2:] / counts.sum() - 1 / 7).max() < 0.04 and not counts[:2].any()
    text = made.read(Clip("MORGEN REGEN SONNE " * 100))
    rest = made.augment(text, rng).values.tolist()
    for unit in rest:  # what was there is there, in its order
        if len(text.values) and unit == text.values[0]:
            text = type(text)(text.values[1:], text.rate)
    assert not len(text.values)


def test_errors_follow_the_generator_alone(reader: Any) -> None:
    made = reader(drop=0.1, substitute=0.2, insert=0.2)
    signal = made.read(Clip("MORGEN REGEN SONNE " * 20))
    drawn = [made.augment(signal, np.random.default_rng(seed)).values for seed in (0, 0, 1)]
    assert np.array_equal(drawn[0], drawn[1]) and not np.array_equal(drawn[0], drawn[2])
    only = reader(["MORGEN"], substitute=0.9)
    found = only.augment(only.read(Clip("MORGEN " * 20)), np.random.default_rng(0))
    assert set(found.values) == {2}  # the vocabulary has no other


@pytest.mark.parametrize("text", ["", "   "])
@pytest.mark.parametrize("vocabulary", ["word", "bpe", "char"])
def test_an_empty_text_is_refused(reader: Any, text: str, vocabulary: str) -> None:
    with pytest.raises(SignalError, match="empty"):
        reader(vocabulary=vocabulary).read(Clip(text))


def test_nothing_to_learn_from_is_refused(reader: Any, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"streams\.a\.processor.*training rows"):
        TextReader(TextConfig(), Context(path="streams.a.processor"))
    made = reader()  # writes the manifest
    with pytest.raises(UserError, match="glos"):
        train = read_manifest(tmp_path / "train.tsv")
        TextReader(made.config, Context(signal="glosses", train=train))


def test_a_tokenizer_of_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    words = {"[CLS]": 0, "[UNK]": 1, "regen": 2, "sonne": 7}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing("[CLS] $A", None, [("[CLS]", 0)])
    PreTrainedTokenizerFast(tokenizer_object=tokenizer).save_pretrained(tmp_path / "theirs")
    made = TextReader(TextConfig(tokenizer=str(tmp_path / "theirs"), drop=0.5))
    assert ids(made, "sonne regen schnee") == [7, 2, 1]  # no special tokens
    assert made.sizes() == {"vocabulary": 8} and made.unknown == 1
    assert made.units.tolist() == [0, 2, 7]  # nobody said that [CLS] is special
    made.save_assets(tmp_path / "assets")
    (tmp_path / "theirs").rename(tmp_path / "gone")
    assert ids(TextReader(made.config, Context(assets=tmp_path / "assets")), "sonne") == [7]
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(UserError, match=r"^streams\.a\.tokenizer: the .*theirs cannot be loaded"):
        TextReader(made.config, Context(path="streams.a"))


def test_drop_needs_an_unknown_unit(tmp_path: Path) -> None:
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE({"a": 0}, []))
    PreTrainedTokenizerFast(tokenizer_object=tokenizer).save_pretrained(tmp_path)
    assert TextReader(TextConfig(tokenizer=str(tmp_path))).unknown is None
    with pytest.raises(UserError, match="drop"):
        TextReader(TextConfig(tokenizer=str(tmp_path), drop=0.1))


@pytest.mark.parametrize(
    "written",
    [
        {"vocabulary": "words"},
        {"size": 2},
        {"min_count": 0},
        {"drop": 1.0},
        {"substitute": -0.1},
        {"insert": 1.0},
        {"drop": 0.6, "substitute": 0.6},
        {"tokenizer": "t5-small", "lower": True},
        {"tokenizer": "t5-small", "size": 100},
    ],
)
def test_what_has_no_effect_or_no_meaning_is_an_error(written: dict[str, Any]) -> None:
    problems: list[tuple[str, str]] = []
    with pytest.raises(Bad):
        structure(written, TextConfig, "processor", lambda *problem: problems.append(problem))
    assert len(problems) == 1


def test_the_type() -> None:
    assert SPEC.signature is not None
    output = SPEC.signature(TextConfig(), "gloss")
    assert (output.axes, output.dtype, output.rate) == ("b t", "int64", None)
    assert isinstance(output["vocabulary"], Symbol)
