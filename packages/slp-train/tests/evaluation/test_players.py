"""What is written into the page for a player, and how much of it."""

import json
from base64 import b64decode

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from slp_core.moving import Film, Skeleton
from slp_train.report.players import UNSEEN, Budget, Player, player


def skeleton(steps=5, points=7, seed=0):
    rng = np.random.default_rng(seed)
    places = rng.uniform(0, 100, (steps, points, 2))
    return Skeleton(places, rng.random((steps, points)) < 0.7, {"body": [(0, 1)]}, [2, 3], 12.5)


@given(st.integers(1, 20), st.integers(1, 20), st.integers(0, 100))
def test_points_are_kept_to_a_quarter_of_a_unit(steps, points, seed):
    shown = skeleton(steps, points, seed)
    written = player(shown)
    numbers = np.frombuffer(b64decode(written.points), np.uint8).reshape(steps, points, 2)
    assert written.count == points and written.rate == 12.5
    assert np.array_equal((numbers != UNSEEN).all(-1), shown.seen)
    assert np.array_equal((numbers == UNSEEN).any(-1), ~shown.seen)
    back = numbers[shown.seen] / 254 * 100
    assert np.abs(back - shown.points[shown.seen]).max(initial=0) < 0.25


def test_what_is_not_seen_may_be_anywhere():
    shown = skeleton()
    shown.points[~shown.seen] = np.nan
    with np.errstate(invalid="raise"):
        assert player(shown) == player(skeleton())


def test_limbs_and_films():
    written = player(skeleton())
    assert (json.loads(written.limbs), json.loads(written.dots)) == ({"body": [[0, 1]]}, [2, 3])
    film = player(Film(b"abc", "video/webm", 1.0))
    assert film.film == "data:video/webm;base64,YWJj" and film.size == 27


def test_the_budget_is_kept():
    some = [Player(film="x" * size) for size in (40, 50, 20, 10, 1)]
    budget = Budget(100)
    kept = budget.afford(some[:3])
    assert [one.size for one in kept] == [40, 50] and (budget.left, budget.refused) == (10, 1)
    assert [one.size for one in budget.afford(some[3:])] == [10] and budget.refused == 2
