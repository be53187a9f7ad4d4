"""Weights in one file or in two: the same, loaded as strictly, and shared where they are."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from torch import nn

from slp_core.errors import UserError
from slp_core.weights import FROZEN, WEIGHTS, load_weights, save_apart, save_whole


class Tied(nn.Module):
    """Two layers of one weight between two others, and a buffer that counts."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.first, self.last = nn.Linear(2, 3), nn.Linear(3, 2)
        self.embedding, self.head = nn.Embedding(4, 3), nn.Linear(3, 4)
        self.head.weight = self.embedding.weight
        self.norm = nn.BatchNorm1d(3)


NAMES = [name for name, _ in Tied().named_parameters()]


def tied(frozen: set[str], seed: int = 0) -> Tied:
    made = Tied(seed)
    for name, parameter in made.named_parameters():
        parameter.requires_grad_(name not in frozen)
    return made


def same(one: nn.Module, other: nn.Module) -> bool:
    ours, theirs = one.state_dict(), other.state_dict()
    return ours.keys() == theirs.keys() and all(torch.equal(ours[n], theirs[n]) for n in ours)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """Half of the weights frozen, the tied ones too."""
    (tmp_path / "saved").mkdir()
    save_apart(tied({"first.weight", "embedding.weight"}), tmp_path / "saved")
    return tmp_path / "saved"


@settings(max_examples=10)
@given(st.sets(st.sampled_from(NAMES)))
def test_both_files_together_are_the_whole(
    tmp_path_factory: pytest.TempPathFactory, frozen: set[str]
) -> None:
    whole, apart = tmp_path_factory.mktemp("whole"), tmp_path_factory.mktemp("apart")
    module = tied(frozen)
    save_whole(module, whole)
    save_apart(module, apart)
    moving = load_file(apart / WEIGHTS)
    still = load_file(apart / FROZEN) if frozen else {}
    assert {*still} == frozen and not still.keys() & moving.keys()
    assert still.keys() | moving.keys() == load_file(whole / WEIGHTS).keys()
    for folder in (whole, apart):
        other = tied(set(), seed=1)
        load_weights(other, folder, "cpu")
        assert same(other, module) and other.head.weight is other.embedding.weight


def test_where_nothing_is_frozen_there_is_one_file(tmp_path: Path) -> None:
    save_apart(tied(set()), tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == [WEIGHTS]


def test_what_is_frozen_is_shared(saved: Path, tmp_path: Path) -> None:
    module = tied({"first.weight", "embedding.weight"})
    nn.init.ones_(module.last.weight)
    save_apart(module, tmp_path, saved)
    assert (tmp_path / FROZEN).samefile(saved / FROZEN)
    other = tied(set(), seed=1)
    load_weights(other, tmp_path, "cpu")
    assert same(other, module)


@pytest.mark.parametrize("why", ["others", "absent", "damaged", "no links"])
def test_what_cannot_be_shared_is_written(
    saved: Path, tmp_path: Path, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    module = tied(
        {"first.weight", "embedding.weight"} | ({"last.bias"} if why == "others" else set())
    )
    if why == "absent":
        (saved / FROZEN).unlink()
    elif why == "damaged":
        os.truncate(saved / FROZEN, (saved / FROZEN).stat().st_size - 1)
    elif why == "no links":
        monkeypatch.setattr(os, "link", refuse)
    save_apart(module, tmp_path, saved)
    assert (tmp_path / FROZEN).stat().st_nlink == 1
    other = tied(set(), seed=1)
    load_weights(other, tmp_path, "cpu")
    assert same(other, module)


def damage(saved: Path, how: str) -> None:
    still, moving = load_file(saved / FROZEN), load_file(saved / WEIGHTS)
    if how == "no frozen":
        (saved / FROZEN).unlink()
    elif how == "neither":
        (saved / WEIGHTS).unlink()
    elif how == "cut":
        os.truncate(saved / FROZEN, (saved / FROZEN).stat().st_size - 1)
    elif how == "header":
        with (saved / FROZEN).open("r+b") as file:
            file.seek(8)
            file.write(b"\xff")
    elif how == "one less":
        save_file({name: one for name, one in still.items() if "first" not in name}, saved / FROZEN)
    elif how == "one more":
        save_file({**still, "stray": torch.zeros(1)}, saved / FROZEN)
    elif how == "twice":
        save_file({**still, **moving}, saved / WEIGHTS)
    elif how == "shape":
        save_file({**still, "first.weight": torch.zeros(3)}, saved / FROZEN)


@pytest.mark.parametrize(
    ("how", "said"),
    [
        (
            "no frozen",
            r"model\.safetensors: .* first\.weight missing; .* in frozen\.safetensors, and t",
        ),
        ("neither", r"model\.safetensors: there are no weights"),
        ("cut", r"frozen\.safetensors: does not fit this pipeline: .*incomplete"),
        ("header", r"frozen\.safetensors: does not fit this pipeline: .*header"),
        ("one less", r"model\.safetensors: does not fit this pipeline: first\.weight missing$"),
        ("one more", r"model\.safetensors: does not fit this pipeline: stray unexpected$"),
        ("twice", r"does not fit this pipeline: embedding\.weight, first\.weight in both files$"),
        ("shape", r"(?s)frozen\.safetensors: does not fit this pipeline: .*first\.weight"),
    ],
)
def test_what_does_not_fit_is_told(saved: Path, how: str, said: str) -> None:
    load_weights(tied(set()), saved, "cpu")
    damage(saved, how)
    with pytest.raises(UserError, match=said):
        load_weights(tied(set()), saved, "cpu")


def test_many_names_are_not_listed(saved: Path) -> None:
    save_file({f"x{number}": torch.zeros(1) for number in range(9)}, saved / WEIGHTS)
    with pytest.raises(UserError, match=r"; x0, x1, x2 and 6 more unexpected$"):
        load_weights(tied(set()), saved, "cpu")
