"""Where a process computes, and encoders that are there while they extract, and only then."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from slp_train import distributed
from slp_train.features import on_gpu


@pytest.mark.parametrize(
    ("there", "local_rank", "device"),
    [(False, None, "cpu"), (False, "1", "cpu"), (True, None, "cuda:0"), (True, "1", "cuda:1")],
)
def test_each_process_has_its_own_gpu(there, local_rank, device, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there)
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    if local_rank is not None:
        monkeypatch.setenv("LOCAL_RANK", local_rank)
    assert distributed.device() == torch.device(device)


def test_encoders_go_and_come_back(monkeypatch):
    moves = []
    encoder = nn.Linear(1, 1)
    monkeypatch.setattr(encoder, "to", moves.append)
    monkeypatch.setattr(distributed, "device", lambda: torch.device("cuda", 1))
    pipeline = SimpleNamespace(part={"streams.video.encoder": encoder}.__getitem__)
    with pytest.raises(KeyError), on_gpu(pipeline, ["video"]):
        assert moves == [torch.device("cuda", 1)]
        raise KeyError
    assert moves == [torch.device("cuda", 1), torch.device("cpu")]


def test_encoders_that_are_there_stay(monkeypatch):
    """As those of a pipeline that has just been trained there."""
    encoder = nn.Linear(1, 1, device="meta")
    monkeypatch.setattr(distributed, "device", lambda: torch.device("meta"))
    pipeline = SimpleNamespace(part={"streams.video.encoder": encoder}.__getitem__)
    with on_gpu(pipeline, ["video"]):
        assert encoder.weight.device.type == "meta"
    assert encoder.weight.device.type == "meta"
