"""Overlap between splits."""

import pytest

from slp_train.overlap import Overlap, overlap, seen_mask

TRAIN = [
    {"text": "Guten Abend.", "signer": "1", "video": "a.mp4"},
    {"text": "guten abend", "signer": "2", "video": "b.mp4"},
    {"text": "Es regnet.", "signer": "1", "video": "a.mp4"},
]
TEST = [
    {"text": "Guten Abend!", "signer": "3", "video": "c.mp4"},
    {"text": "Guten  Abend", "signer": "2", "video": "c.mp4"},
    {"text": "Es schneit.", "signer": "2", "video": "a.mp4"},
    {"text": "Es wird kalt.", "signer": "2", "video": ""},
]


def test_counts_and_percentages():
    sentences, signers, videos = overlap({"train": TRAIN, "test": TEST})
    assert sentences == Overlap("sentences", "train", "test", 1, 3, 2, 4)
    assert signers == Overlap("signers", "train", "test", 1, 2, 3, 4)
    assert videos == Overlap("videos", "train", "test", 1, 2, 1, 3)  # one row names no video
    assert (sentences.percent, signers.percent) == (50, 75)
    assert videos.percent == pytest.approx(100 / 3)


def test_every_two_splits_in_order():
    pairs = [
        (o.earlier, o.split)
        for o in overlap({"train": TRAIN, "validation": [], "test": TEST}, {"signers": "signer"})
    ]
    assert pairs == [("train", "validation"), ("train", "test"), ("validation", "test")]


def test_percent_is_of_the_later_split():
    (forth,) = overlap({"train": TRAIN, "test": TEST}, {"signers": "signer"})
    (back,) = overlap({"test": TEST, "train": TRAIN}, {"signers": "signer"})
    assert (forth.percent, back.percent) == (75, pytest.approx(100 / 3))


def test_a_missing_column_is_no_overlap_of_zero_percent():
    (found,) = overlap({"train": TRAIN, "test": TEST}, {"videos": "source"})
    assert (found.rows, found.percent) == (0, None)


def test_names_are_compared_verbatim_and_sentences_by_their_words():
    rows = {"train": [{"x": "A.b"}], "test": [{"x": "a b"}]}
    assert overlap(rows, {"videos": "x"})[0].shared == 0
    assert overlap(rows, {"sentences": "x"})[0].shared == 1


def test_seen_mask():
    test = ["GUTEN ABEND", "Guten Tag.", "Abend guten", "..."]
    assert seen_mask(["Guten Abend.", "!!!"], test).tolist() == [True, False, False, False]
    assert seen_mask(["今天下雪。"], ["今天下雪", "今天下雨"]).tolist() == [True, False]
    assert seen_mask([], []).tolist() == []
