"""Reading ahead: the same items in the same order, only sooner."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from slp_train.ahead import Ahead


def counting(until, log):
    for number in range(until):
        log.append((number, threading.current_thread()))
        yield number


@pytest.fixture
def pool():
    with ThreadPoolExecutor(1) as pool:
        yield pool


@pytest.mark.parametrize("begun", [False, True])
def test_every_item_once_in_order_with_a_shorter_last_turn(pool, begun):
    ahead, taken = Ahead(iter(range(5)), 2, pool), []
    for _ in range(4):
        taken.append(ahead.take())
        if begun:
            ahead.begin()
            ahead.begin()  # a second time asks for nothing more
    assert taken == [[0, 1], [2, 3], [4], []]


def test_what_was_begun_is_read_elsewhere_before_it_is_taken(pool):
    log = []
    ahead = Ahead(counting(4, log), 2, pool)
    assert ahead.take() == [0, 1]
    assert {thread for _, thread in log} == {threading.current_thread()}
    ahead.begin()
    pool.submit(lambda: None).result()  # the pool has one thread: what was begun is done
    assert [number for number, _ in log] == [0, 1, 2, 3]
    assert threading.current_thread() not in {thread for number, thread in log if number > 1}
    assert ahead.take() == [2, 3]


def test_an_error_is_raised_where_its_items_are_taken(pool):
    def broken():
        yield 0
        raise ValueError("a clip is gone")

    ahead = Ahead(broken(), 1, pool)
    assert ahead.take() == [0]
    ahead.begin()
    with pytest.raises(ValueError, match="a clip is gone"):
        ahead.take()
