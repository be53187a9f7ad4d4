"""Features in the place of signals, and which streams are worth it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from attrs import evolve
from torch import nn

from slp_core.batch import collate
from slp_core.build import build
from slp_core.dataset import SampleDataset
from slp_core.errors import UserError
from slp_core.features import frozen_streams, open_store
from slp_core.manifest import read_manifest
from slp_core.reading import RowReader
from slp_core.recipe_file import parse_recipe
from slp_core.signals import Processor


def test_without_a_package_that_keeps_features(monkeypatch):
    class Nobody:
        def slp_feature_store(self, folder: Path) -> None:
            return None

    monkeypatch.setattr("slp_core.features.hooks", Nobody)
    with pytest.raises(UserError, match="install slp-encoders"):
        open_store(Path("x"))


def test_what_is_encoded_already_is_not_encoded_again(toy, recipe_text, toy_data, monkeypatch):
    pipeline = build(parse_recipe(recipe_text), train=read_manifest(toy_data))
    manifest = read_manifest(toy_data)
    plain = SampleDataset(manifest, pipeline)

    class Encoded(Processor):
        def read(self, clip):
            return evolve(pipeline.processors["streams.hands.processor"].read(clip), encoded=True)

    reader = RowReader(pipeline.recipe, {"hands": Encoded(None)})
    read = SampleDataset(manifest, pipeline, reader=reader, cache=plain.cache)
    plain.probe(), read.probe()  # one memory of signals, two readers
    batch, encoded = (collate([one[n] for n in range(3)]) for one in (plain, read))
    assert (batch.encoded, encoded.encoded) == (frozenset(), {"hands"})
    assert encoded.to("cpu").encoded == {"hands"}
    expected = pipeline(batch).last.values
    monkeypatch.setattr(type(pipeline.part("streams.hands.encoder")), "forward", None)
    trace = pipeline(encoded)
    assert torch.equal(trace.last.values, expected)
    assert torch.equal(trace["streams.hands.encoder"].values, batch.signals["hands"].values)
    with pytest.raises(TypeError):
        pipeline(batch)


@pytest.mark.parametrize(
    ("trained", "found"),
    [
        ("streams.*.mapper", ["hands"]),
        ("decoder.head", ["hands"]),
        ("streams.hands.encoder", []),
        ("streams.hands", []),
        ("streams.*.encoder.lora", []),
        ("streams", []),
    ],
)
def test_streams_that_stay_frozen(toy, recipe_text, toy_data, monkeypatch, trained, found):
    pipeline = build(parse_recipe(recipe_text), train=read_manifest(toy_data))
    (stage,) = pipeline.recipe.stages
    object.__setattr__(pipeline.recipe, "stages", [evolve(stage, train=[trained])])
    assert frozen_streams(pipeline) == []  # its processor draws variants
    processor = pipeline.reader.processors["hands"]
    monkeypatch.setattr(type(processor), "augment", Processor.augment)
    assert frozen_streams(pipeline) == []  # its encoder has no weights
    pipeline.part("streams.hands.encoder").weight = nn.Parameter(torch.zeros(1))
    assert frozen_streams(pipeline) == found
    monkeypatch.setattr(type(processor), "reads_files", False)
    assert frozen_streams(pipeline) == []
