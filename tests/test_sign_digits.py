"""The recipe of hand-sign digits on the real photos."""

from __future__ import annotations

import json
import os

import pytest


@pytest.mark.slow
def test_it_reads_nine_digits_of_ten(slp, root, tmp_path):
    data = os.environ.get("SLP_SHARED_DATA", root.parent / "shared" / "data")
    photos = root / data / "sign_digits"
    if not photos.is_dir():
        pytest.skip(f"the real photos are not at {photos} (SLP_SHARED_DATA says otherwise)")
    slp("train", "recipes/sign-digits.toml", "--set", f"data.corpus.source={photos}",
        "--set", f"data.root={tmp_path / 'data'}", "--run", tmp_path / "run")  # fmt: skip
    metrics = json.loads((tmp_path / "run/metrics.json").read_text())
    assert metrics["scored"] == metrics["samples"] == 160
    assert metrics["whole"]["scores"]["letter accuracy"]["value"] >= 90
