"""Encoders are on the GPU while they extract, and only then."""

from types import SimpleNamespace

import pytest
import torch

from slp_train.features import on_gpu


@pytest.mark.parametrize("there", [True, False])
def test_encoders_go_and_come_back(monkeypatch, there):
    moves = []
    encoder = SimpleNamespace(to=moves.append)
    pipeline = SimpleNamespace(part={"streams.video.encoder": encoder}.__getitem__)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there)
    with pytest.raises(KeyError), on_gpu(pipeline, ["video"]):
        assert moves == ["cuda"] * there
        raise KeyError
    assert moves == ["cuda", "cpu"] * there
