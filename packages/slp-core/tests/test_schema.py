"""Tables into classes: keys that Python keeps for itself."""

from __future__ import annotations

from math import inf, nan

import pytest
from attrs import field, frozen
from attrs.validators import min_len

from slp_core.schema import Bad, structure


@frozen
class Gate:
    with_: str = field(validator=min_len(1))
    per: str = "channel"


@frozen
class Weighed:
    weight: float = field(default=1.0, metadata={"infinite": True})


def test_a_keyword_is_a_key() -> None:
    assert structure({"with": "lips"}, Gate, "gate", print) == Gate("lips")


@pytest.mark.parametrize("number", [float("nan"), float("-inf"), 10**400])
def test_a_number_is_finite(number: float) -> None:
    problems: list[tuple[str, str]] = []
    with pytest.raises(Bad):
        structure(number, float, "rate", lambda *problem: problems.append(problem))
    assert problems == [("rate", f"{number} was written, a finite number is expected")]


def test_a_key_may_say_that_it_has_no_end() -> None:
    assert structure({"weight": inf}, Weighed, "", print) == Weighed(inf)
    for number in (nan, -inf):
        with pytest.raises(Bad):
            structure({"weight": number}, Weighed, "", lambda *_: None)


@pytest.mark.parametrize(
    ("table", "key", "reason"),
    [
        ({"with_": "lips"}, "gate.with_", 'did you mean "with"?'),
        ({}, "gate.with", "is required (a string)"),
        ({"with": 1}, "gate.with", "1 was written, a string is expected"),
        ({"with": ""}, "gate.with", '"" was written'),
    ],
)
def test_what_is_wrong_with_it_is_said_as_it_is_written(table: dict, key: str, reason: str) -> None:
    problems: list[tuple[str, str]] = []
    with pytest.raises(Bad):
        structure(table, Gate, "gate", lambda *problem: problems.append(problem))
    assert any(key == where and reason in message for where, message in problems)
