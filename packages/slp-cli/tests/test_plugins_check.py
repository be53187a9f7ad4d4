"""``slp plugins check``: a line each, faults with what to do, and the exit code."""

from __future__ import annotations

import json
from functools import partial

import pytest
from attrs import evolve

from slp_core import registry


@pytest.fixture
def check(slp):
    """``check("bleu")`` calls `slp plugins check bleu`."""
    return partial(slp, "plugins", "check")


def test_a_line_each(check):
    code, out, _ = check("bleu", "mapper:linear")
    assert code == 0
    first, second, last = out.splitlines()
    assert [first.split(), second.split()] == [["metric", "bleu", "ok"], ["mapper", "linear", "ok"]]
    assert last.startswith("2 parts, none with faults")


def test_what_is_not_tried_is_said(check):
    code, out, _ = check("mediapipe")
    assert code == 0 and "  not tried: trial: it needs MediaPipe" in out


def test_for_programs(check):
    told = json.loads(check("--kind", "metric", "bleu", "slp-train:wer", "--json")[1])
    assert told["ok"] and [one["name"] for one in told["parts"]] == ["bleu", "wer"]
    assert told["parts"][0]["faults"] == told["parts"][0]["untried"] == []


def test_unknown_names_are_met_with_the_nearest(check):
    code, _, err = check("blue")
    assert code == 2 and 'did you mean "bleu"?' in err
    code, _, err = check("metric:blue")
    assert code == 2 and 'did you mean "bleu"?' in err
    code, _, err = check("encoder:nothere")
    assert code == 2 and "did you mean" not in err and "(one of: clip, " in err
    code, _, err = check("bleu", "--kind", "encoder")
    assert code == 2 and '"bleu" is no installed part of the kind encoder (one of: ' in err
    code, _, err = check("--kind", "metrics")
    assert code == 2 and 'did you mean "metric"?' in err


def test_faults_end_with_2(check, monkeypatch):
    broken = evolve(registry.find("metric", "bleu").load(), factory="slp_train.nowhere:Bleu")
    monkeypatch.setattr(registry.Entry, "load", lambda self: broken)
    code, out, _ = check("bleu")
    assert code == 2 and out.splitlines()[0].split() == ["metric", "bleu", "1", "fault"]
    assert "  factory: there is no module slp_train.nowhere; the spec says" in out
    assert out.splitlines()[-1] == "1 part, 1 with faults"
    code, out, _ = check("bleu", "--json")
    assert code == 2 and not json.loads(out)["ok"]
