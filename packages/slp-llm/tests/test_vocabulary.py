"""The tokenizer trained on the training text gives it back."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slp_core.errors import UserError
from slp_llm.decoders.config import Vocabulary
from slp_llm.decoders.vocabulary import SPECIAL, train_tokenizer

# What a field of a TSV may hold: anything but tabs and line breaks.
FIELD = st.text(
    st.one_of(
        st.sampled_from(" äöüÄÖÜß你好世界.,?<>abc"),
        st.characters(exclude_characters="\t\n\r\0\x1f▁▅", exclude_categories=["Cs"]),
    ),
    min_size=1,
    max_size=20,
).filter(lambda text: not any(token in text for token in SPECIAL.values()))
TEXTS = ["über den  bergen", " 你好 世界 ", "a  b", "wetter .", "< s >"]
KINDS = ("char", "bpe", "unigram")


def there_and_back(tokenizer, text):
    ids = tokenizer(text_target=text, add_special_tokens=False).input_ids
    return tokenizer.decode(ids, clean_up_tokenization_spaces=False)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=40)
@given(texts=st.lists(FIELD, min_size=1, max_size=4))
def test_text_that_was_seen_comes_back_exactly(kind, texts):
    tokenizer = train_tokenizer(Vocabulary(kind=kind, size=5000), [*texts, *TEXTS], "decoder")
    for text in [*texts, *TEXTS]:
        assert there_and_back(tokenizer, text) == text


@settings(max_examples=40)
@given(texts=st.lists(FIELD, min_size=1, max_size=4))
def test_words_come_back_with_one_blank_between_them(texts):
    tokenizer = train_tokenizer(Vocabulary(kind="word"), [*texts, *TEXTS], "decoder")
    for text in [*texts, *TEXTS]:
        assert there_and_back(tokenizer, text) == " ".join(re.findall(r"(?:\S|[\x1c-\x1f])+", text))


@pytest.mark.parametrize("kind", ["word", *KINDS])
def test_special_tokens_come_first_and_the_unseen_is_unknown(kind):
    tokenizer = train_tokenizer(Vocabulary(kind=kind), TEXTS, "decoder")
    assert tokenizer.convert_tokens_to_ids(["<pad>", "<s>", "</s>", "<unk>"]) == [0, 1, 2, 3]
    assert tokenizer.unk_token_id in tokenizer("ж", add_special_tokens=False).input_ids


@pytest.mark.parametrize("kind", ["word", *KINDS])
def test_training_again_gives_the_same_tokenizer(kind):
    texts = [f"satz {n} von {n * n} sätzen über das wetter" for n in range(200)]
    config = Vocabulary(kind=kind, size=120)
    first, second = (train_tokenizer(config, texts, "decoder") for _ in range(2))
    assert first.backend_tokenizer.to_str() == second.backend_tokenizer.to_str()


@pytest.mark.parametrize("kind", ["word", *KINDS])
def test_lower_lowers(kind):
    tokenizer = train_tokenizer(Vocabulary(kind=kind, lower=True), ["Über BERGE"], "decoder")
    assert there_and_back(tokenizer, "ÜBER Berge") == "über berge"


def test_size_and_min_count_bound_the_words():
    texts = ["a a a b b c"]
    size = train_tokenizer(Vocabulary(size=6), texts, "decoder").get_vocab()
    count = train_tokenizer(Vocabulary(min_count=2), texts, "decoder").get_vocab()
    for vocabulary in (size, count):
        assert set(vocabulary) == {"<pad>", "<s>", "</s>", "<unk>", "a", "b"}
    merged = train_tokenizer(Vocabulary(kind="bpe", min_count=4), ["ab ab ab cd"], "decoder")
    assert not any("ab" in piece for piece in merged.get_vocab())


@pytest.mark.parametrize("kind", ["bpe", "unigram"])
def test_a_vocabulary_too_small_for_the_characters_is_refused(kind):
    with pytest.raises(UserError, match=r"decoder\.vocabulary: size = 9"):
        train_tokenizer(Vocabulary(kind=kind, size=9), ["abcdefghijkl"], "decoder")


@pytest.mark.parametrize("kind", ["word", *KINDS])
@pytest.mark.parametrize("token", ["<pad>", "<s>", "</s>", "<unk>"])
def test_text_that_reads_like_a_special_token_is_refused(kind, token):
    with pytest.raises(UserError, match=f"'{token}' has a meaning of its own.*'er sagt {token}'"):
        train_tokenizer(Vocabulary(kind=kind), ["gut", f"er sagt {token}"], "decoder")


@pytest.mark.parametrize("kind", ["word", "char", "bpe"])
def test_signs_of_sentencepiece_are_plain_text_to_the_others(kind):
    text = "▁a ▅ \x1f"
    tokenizer = train_tokenizer(Vocabulary(kind=kind), [text], "decoder")
    assert there_and_back(tokenizer, text) == text
    with pytest.raises(UserError, match="'▁' has a meaning of its own"):
        train_tokenizer(Vocabulary(kind="unigram"), [text], "decoder")
