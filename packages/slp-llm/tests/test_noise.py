"""Errors made on purpose have the rates asked for; errors of an expert are counted as they are."""

from __future__ import annotations

from functools import cache

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from slp_core.schema import Bad, structure
from slp_llm.decoders.cascade.errors import error_rates
from slp_llm.decoders.cascade.noise import corrupted
from slp_llm.decoders.cascade.spec import Noise

MANY = 20_000
CLASSES = range(2, 2 + 2 * MANY)  # so many that two seldom are the same by chance
WORDS = st.lists(st.sampled_from("abc"), max_size=5)


def brute_force(said: tuple[str, ...], meant: tuple[str, ...]) -> tuple[int, int, int, int]:
    """Over all alignments: the fewest errors, then the fewest substitutions; S, D, I of it."""

    @cache
    def every(i: int, j: int) -> frozenset[tuple[int, int, int]]:
        if i == len(meant) and j == len(said):
            return frozenset([(0, 0, 0)])
        found = set()
        if i < len(meant) and j < len(said):
            wrong = meant[i] != said[j]
            found |= {(s + wrong, d, n) for s, d, n in every(i + 1, j + 1)}
        if i < len(meant):
            found |= {(s, d + 1, n) for s, d, n in every(i + 1, j)}
        if j < len(said):
            found |= {(s, d, n + 1) for s, d, n in every(i, j + 1)}
        return frozenset(found)

    return min((sum(one), *one) for one in every(0, 0))


@settings(max_examples=150)
@given(pairs=st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=4))
def test_error_rates_are_those_of_the_best_alignment(pairs):
    said, meant = zip(*pairs, strict=True)
    words = sum(map(len, meant))
    texts = [" ".join(one) for one in said], [" ".join(one) for one in meant]
    if not words:
        with pytest.raises(ValueError, match="no word"):
            error_rates(*texts)
        return
    each = [brute_force(tuple(one), tuple(other)) for one, other in pairs]
    _, substituted, dropped, inserted = (sum(kind) / words for kind in zip(*each, strict=True))
    expected = {"drop": dropped, "substitute": substituted, "insert": inserted}
    assert error_rates(*texts) == pytest.approx(expected)


def test_error_rates_by_hand():
    found = error_rates(["A X C", "A A B", ""], ["A B C", "A B", "C"])
    assert found == {"drop": 1 / 6, "substitute": 1 / 6, "insert": 1 / 6}
    with pytest.raises(ValueError):
        error_rates(["A"], ["A", "B"])


@pytest.mark.parametrize(
    "noise",
    [
        Noise(drop=0.1),
        Noise(substitute=0.2),
        Noise(insert=0.3),
        Noise(0.1, 0.15, 0.05),
        Noise(1, 0, 0),
    ],
)
def test_each_error_is_as_frequent_as_asked_for(noise):
    torch.manual_seed(0)
    dropped = substituted = inserted = before = 0
    alone = range(2, 2 + MANY)  # whatever else comes out is new
    for unit in alone:
        found = corrupted([unit], noise, CLASSES)
        others = [one for one in found if one != unit]
        if unit in found:
            inserted += len(others)
            before += found[0] != unit
        elif len(found) == 2:  # one for another, and one beside it
            substituted, inserted = substituted + 1, inserted + 1
        else:  # of one other nobody can say which it is; by chance of drop and insert
            lost = bool(others) and noise.drop * noise.insert
            substituted += bool(others) * (1 - lost)
            dropped += not others
    rates = (dropped / MANY, substituted / MANY, inserted / MANY)
    near = 0.015  # five standard deviations, and what drop and insert hide of each other
    wanted = (noise.drop, noise.substitute, noise.insert)
    assert all(abs(rate - want) < near for rate, want in zip(rates, wanted, strict=True))
    if noise == Noise(insert=0.3):
        assert abs(before / inserted - 0.5) < 0.05


def test_measured_rates_are_those_that_were_made():
    torch.manual_seed(0)
    noise, length = Noise(drop=0.1, substitute=0.1, insert=0.05), 40
    meant = [[2 + length * n + place for place in range(length)] for n in range(200)]
    said = [corrupted(one, noise, CLASSES) for one in meant]
    texts = [[" ".join(map(str, one)) for one in some] for some in (said, meant)]
    found = error_rates(*texts)
    for name, rate in found.items():  # a loss beside an addition may read as a mistake
        assert abs(rate - getattr(noise, name)) < 0.02


def test_no_unit_is_its_own_mistake_and_all_others_are_as_likely():
    torch.manual_seed(0)
    for classes in (range(2, 4), range(2, 7)):
        found = [corrupted([3], Noise(substitute=1.0), classes)[0] for _ in range(3000)]
        assert set(found) == set(classes) - {3}
        share = 1 / (len(classes) - 1)
        assert all(abs(found.count(one) / 3000 - share) < 0.05 for one in set(found))
    assert corrupted([2], Noise(substitute=1.0), range(2, 3)) == [2]  # there is no other


def test_a_seed_tells_the_errors_and_no_noise_draws_nothing():
    units, noise = list(range(2, 60)), Noise(0.2, 0.2, 0.2)
    drawn = []
    for seed in (0, 1, 0):
        torch.manual_seed(seed)
        drawn.append(corrupted(units, noise, range(2, 60)))
    assert drawn[0] == drawn[2] != drawn[1]
    before = torch.get_rng_state()
    assert corrupted(units, Noise(), range(2, 60)) == units
    assert corrupted([], noise, range(2, 2)) == []
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize(
    "table",
    [{"drop": 1.5}, {"insert": 1.0}, {"substitute": -0.1}, {"drop": 0.6, "substitute": 0.5}],
)
def test_rates_that_cannot_be_are_refused(table):
    said: list[str] = []
    with pytest.raises(Bad):
        structure(table, Noise, "decoder.noise", lambda key, message: said.append(key))
    assert said and said[0].startswith("decoder.noise")
