"""The function from confidence to expected quality, and its file."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from slp_core.confidence import FILE, Calibration
from slp_core.errors import UserError

CALIBRATION = Calibration(
    (0.2, 0.5, 0.9), (0.1, 0.4, 0.4), "sentence chrF / 100", "validation", 80, {"num_beams": 4}
)
units = st.floats(0, 1)


@st.composite
def calibrations(draw) -> Calibration:
    confidence = sorted(draw(st.sets(units, min_size=1, max_size=8)))
    size = len(confidence)
    expected = sorted(draw(st.lists(units, min_size=size, max_size=size)))
    return evolve(CALIBRATION, confidence=confidence, expected=expected)


def test_between_at_and_beyond_the_breakpoints():
    found = [CALIBRATION(one) for one in (0, 0.2, 0.3, 0.5, 0.7, 0.9, 1)]
    assert found == pytest.approx([0.1, 0.1, 0.2, 0.4, 0.4, 0.4, 0.4])
    assert CALIBRATION(float("nan")) == 0.1  # what is no confidence is worth the least


@given(calibrations(), st.lists(st.floats(-1, 2), min_size=1, max_size=20))
def test_it_is_numpys_interpolation_never_falls_and_stays_within(calibration, asked):
    found = [calibration(one) for one in sorted(asked)]
    assert found == pytest.approx(
        np.interp(sorted(asked), calibration.confidence, calibration.expected), abs=1e-9
    )
    assert found == sorted(found)
    assert calibration.expected[0] <= found[0] and found[-1] <= calibration.expected[-1]


def test_it_holds_for_the_settings_it_was_measured_with():
    known = evolve(CALIBRATION, generation={"num_beams": 4})
    assert known.holds_for({"num_beams": 4}) and known.holds_for(
        {"num_beams": 4, "alternatives": 3}
    )
    assert not known.holds_for({"num_beams": 5}) and not known.holds_for({"alternatives": 3})


def test_it_is_found_again(tmp_path):
    assert Calibration.load(tmp_path) is None
    CALIBRATION.save(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == [FILE]
    assert Calibration.load(tmp_path) == CALIBRATION


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"confidence": [0.5, 0.2, 0.9]}, "do not rise"),
        ({"confidence": [0.2, 0.2, 0.9]}, "do not rise"),
        ({"expected": [0.4, 0.1, 0.4]}, "fall"),
        ({"expected": [0.1, 0.4, 1.1]}, "within"),
        ({"expected": [-0.1, 0.4, 0.4]}, "within"),
        ({"expected": [0.1, 0.4]}, "a breakpoint needs"),
        ({"confidence": [], "expected": []}, "a breakpoint needs"),
        ({"expected": [0.1, "0.4", 0.4]}, "is no number"),
        ({"confidence": [0.2, 0.5, float("inf")]}, "is no number"),
        ({"stray": 1}, "stray"),
    ],
)
def test_what_is_no_calibration(tmp_path, change, message):
    CALIBRATION.save(tmp_path)
    written = json.loads((tmp_path / FILE).read_text())
    (tmp_path / FILE).write_text(json.dumps(written | change))
    with pytest.raises(UserError, match=rf"confidence\.json: is no calibration: .*{message}"):
        Calibration.load(tmp_path)


def test_damaged_files(tmp_path):
    for text in ("{", "[]", "null", '"a"'):
        (tmp_path / FILE).write_text(text)
        with pytest.raises(UserError, match="is no calibration"):
            Calibration.load(tmp_path)


def test_it_needs_no_torch():
    code = "import sys, slp_core.confidence; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
