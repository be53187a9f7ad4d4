"""The ResNet encoder against transformers' own models, with a tiny random one."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from transformers import (
    AutoModelForImageClassification,
    BertConfig,
    ConvNextImageProcessor,
    ResNetConfig,
    ResNetForImageClassification,
    ResNetModel,
)

from slp_core.check import configured
from slp_core.context import Context
from slp_core.errors import RecipeError, UserError
from slp_core.recipe import Use
from slp_core.sequence import Sequence
from slp_core.tensortype import Symbol, TensorType, TypeMismatch
from slp_core.testing import assert_padding_changes_nothing
from slp_encoders.encoders.resnet import spec
from slp_encoders.encoders.resnet.model import PictureResNet
from slp_encoders.encoders.resnet.spec import SPEC, ResNetScratch

from .tiny import reopened

SIDE = 32
SMALL = {"embedding_size": 8, "hidden_sizes": (8, 12), "depths": (1, 2), "layer_type": "basic"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A classifier, as the hub's are, whose batch normalisation has seen something."""
    path = tmp_path_factory.mktemp("resnet")
    torch.manual_seed(0)
    model = ResNetForImageClassification(ResNetConfig(**SMALL, num_labels=5))
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.running_mean, -0.3, 0.3)
            torch.nn.init.uniform_(module.running_var, 0.5, 2)
    model.save_pretrained(path)
    ConvNextImageProcessor(
        size={"shortest_edge": 448}, image_mean=[0.5, 0.4, 0.3], image_std=[0.3, 0.2, 0.1]
    ).save_pretrained(path)
    return path


def built(path: str = "streams.a.encoder", **config: Any) -> Any:
    return SPEC.load()(spec.ResNetConfig(**config), Context(path=path)).eval()


def scratch(**config: Any) -> Any:
    return built(scratch=ResNetScratch(**{**SMALL, **config}))


def clips(*lengths: int) -> list[torch.Tensor]:
    return [torch.randint(256, (n, 3, SIDE, SIDE), dtype=torch.uint8) for n in lengths]


def batch(*samples: torch.Tensor) -> Sequence:
    return Sequence.pad(samples, [25.0] * len(samples))


@torch.no_grad()
def test_a_checkpoint_is_as_its_own_processor_and_model_have_it(folder: Path) -> None:
    samples = clips(5, 1, 3)
    output = built(model=str(folder), batch=4)(batch(*samples))
    assert output.values.shape == (3, 5, 12) and output.lengths.tolist() == [5, 1, 3]
    processor = ConvNextImageProcessor.from_pretrained(folder)
    model = ResNetModel.from_pretrained(folder).eval()
    for number, clip in enumerate(samples):
        pixels = processor([*clip.numpy()], do_resize=False, return_tensors="pt")
        theirs = model(**pixels).pooler_output.flatten(1)
        assert torch.allclose(output.values[number, : len(clip)], theirs, atol=1e-5)
        assert theirs.std() > 0.1 and not output.values[number, len(clip) :].any()


@torch.no_grad()
def test_which_layer_is_taken(folder: Path) -> None:
    """What the classifier's own linear layer reads."""
    clip, read = clips(4)[0], []
    classifier = AutoModelForImageClassification.from_pretrained(folder).eval()
    classifier.classifier.register_forward_pre_hook(lambda _, args: read.append(args[0]))
    mean, std = (torch.tensor(s).view(3, 1, 1) for s in ([0.5, 0.4, 0.3], [0.3, 0.2, 0.1]))
    classifier((clip / 255 - mean) / std)
    part = built(model=str(folder))
    assert torch.allclose(part(batch(clip)).values[0], read[0].flatten(1), atol=1e-5)
    assert part.sizes() == {"d": 12}


@torch.no_grad()
@pytest.mark.parametrize("layer_type", ["basic", "bottleneck"])
def test_from_scratch_it_is_the_network_of_that_configuration(layer_type: str) -> None:
    part, clip = scratch(layer_type=layer_type), clips(3)[0]
    model = ResNetModel(ResNetConfig(**{**SMALL, "layer_type": layer_type})).eval()
    model.load_state_dict(part.pictures.network.state_dict())
    mean, std = (torch.tensor(s).view(3, 1, 1) for s in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))  # fmt: skip # noqa: E501
    theirs = model((clip / 255 - mean) / std).pooler_output.flatten(1)
    assert torch.allclose(part(batch(clip)).values[0], theirs, atol=1e-5) and theirs.std() > 0.1


def test_the_default_is_a_resnet_18() -> None:
    with torch.device("meta"):
        part = built(scratch=ResNetScratch())
    # torchvision's resnet18 has 11,689,512 parameters, 513,000 of them in its classifier
    assert sum(weight.numel() for weight in part.parameters()) == 11_689_512 - 513_000


@pytest.fixture(scope="module")
def part() -> Any:
    return built(scratch=ResNetScratch(**SMALL), batch=3)


@settings(max_examples=10)
@given(lengths=st.lists(st.integers(1, 5), min_size=1, max_size=3), extra=st.integers(0, 3))
def test_padding_changes_nothing(part: Any, lengths: list[int], extra: int) -> None:
    assert_padding_changes_nothing(part, clips(*lengths), extra=extra)


def test_pictures_go_through_in_batches_in_training_all_at_once(part: Any) -> None:
    seen: list[int] = []
    hook = part.pictures.network.register_forward_pre_hook(
        lambda module, args: seen.append(len(args[0]))
    )
    part(batch(*clips(7, 1)))
    part.train()(batch(*clips(7, 1)))
    part.eval()
    hook.remove()
    assert seen == [3, 3, 2, 8]


def test_batch_normalisation_learns_from_valid_pictures_only() -> None:
    samples = clips(4, 2)
    alone, padded = scratch().train(), scratch().train()
    padded.load_state_dict(alone.state_dict())
    inputs = batch(*samples)
    inputs.values[~inputs.mask] = 255
    ours = padded(inputs).values[inputs.mask]
    expected = alone(batch(torch.cat(samples))).values[0]
    assert torch.allclose(ours, expected, atol=1e-5)
    for name, value in padded.state_dict().items():
        assert torch.allclose(value.float(), alone.state_dict()[name].float(), atol=1e-5), name
    moved = [n for n, v in padded.state_dict().items() if n.endswith("_mean") and v.any()]
    assert len(moved) == sum(name.endswith("_mean") for name in alone.state_dict()) > 3


def test_gradients_reach_every_weight(folder: Path) -> None:
    for part in (built(model=str(folder)), scratch()):
        part.train()(batch(*clips(3, 1))).values.square().sum().backward()
        assert all(weight.grad is not None for weight in part.parameters())


@torch.no_grad()
def test_opened_again_without_the_model(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "model")
    part = built(model=str(tmp_path / "model"))
    shutil.rmtree(tmp_path / "model")
    again = reopened(part, tmp_path / "assets")
    names = {file.name for file in (tmp_path / "assets").iterdir()}
    assert names == {"config.json", "preprocessor_config.json"}
    inputs = batch(*clips(2, 3))
    assert torch.equal(again(inputs).values, part(inputs).values)
    assert again.sizes() == part.sizes()


def test_from_scratch_it_needs_no_assets(tmp_path: Path) -> None:
    part = scratch()
    part.save_assets(tmp_path)
    assert not list(tmp_path.iterdir())
    SPEC.load()(part.config, Context(assets=tmp_path)).load_state_dict(part.state_dict())


def test_weights_that_are_not_there(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(UserError, match=r"streams\.a\.encoder\.model: .*`hf download nobody/none`"):
        built(model="nobody/none")
    for name in ("model.safetensors", "config.json", "preprocessor_config.json"):
        broken = tmp_path / f"without-{name}"
        shutil.copytree(folder, broken)
        (broken / name).unlink()
        with pytest.raises(UserError, match="save_pretrained"):
            built(model=str(broken))
    BertConfig().save_pretrained(tmp_path / "bert")
    with pytest.raises(UserError, match="bert model, no ResNet"):
        built(model=str(tmp_path / "bert"))


def test_weights_are_loaded_strictly(folder: Path, tmp_path: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    name = "resnet.encoder.stages.1.layers.0.layer.0.convolution.weight"
    for change, said in [
        ({name: None}, f"lacks weights that ResNet needs: {name.removeprefix('resnet.')}"),
        ({"resnet.encoder.more.weight": torch.zeros(2)}, "does not tell of: encoder.more.weight"),
        ({name: torch.zeros(1, 2, 3, 3)}, f"another shape .*: {name.removeprefix('resnet.')}"),
    ]:
        broken = tmp_path / f"{len(list(tmp_path.iterdir()))}"
        shutil.copytree(folder, broken)
        changed = {key: one for key, one in {**weights, **change}.items() if one is not None}
        save_file(changed, broken / "model.safetensors", {"format": "pt"})
        with pytest.raises(UserError, match=said):
            built(model=str(broken))


def test_mean_and_std_are_the_checkpoints(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    file = tmp_path / "preprocessor_config.json"
    written = json.loads(file.read_text())
    file.write_text(json.dumps({**written, "image_mean": [0.1, 0.2, 0.3]}))
    part = built(model=str(tmp_path))
    assert part.pictures.mean.flatten().tolist() == pytest.approx([0.1, 0.2, 0.3])
    assert "pictures.mean" not in part.state_dict()


def test_types() -> None:
    assert SPEC.signature is not None
    frames = TensorType("b t c h w", {"c": 3, "h": 64, "w": 64}, dtype="uint8", modality="image")
    output = SPEC.signature(spec.ResNetConfig("x"), frames)
    assert output.axes == "b t d" and isinstance(output["d"], Symbol)
    assert output.dtype == "float32" and output.modality is None and output.rate == frames.rate
    known = SPEC.signature(spec.ResNetConfig(scratch=ResNetScratch()), frames)
    assert known.known("d") == 512
    grid = SPEC.signature(spec.ResNetConfig(scratch=ResNetScratch(), pool="grid"), frames)
    assert grid.known("d") == 512 * 2 * 2
    with pytest.raises(TypeMismatch, match="uint8 is needed"):
        SPEC.signature(spec.ResNetConfig("x"), frames.to(dtype="float32"))


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({}, "either `model` or `scratch` is expected; neither is written"),
        ({"model": "x", "scratch": {}}, "both are written"),
        ({"scratch": {"depths": [1]}}, "hidden_sizes are of 4 stages, depths of 1"),
        ({"scratch": {"depths": [], "hidden_sizes": []}}, "Length"),
        ({"scratch": {"depths": [2, 0, 2, 2]}}, "0"),
        ({"scratch": {"layer_type": "bottleneck", "hidden_sizes": [1, 2, 3, 4]}}, "divide by 4"),
    ],
)
def test_what_cannot_be_is_said(table: dict[str, Any], said: str) -> None:
    with pytest.raises(RecipeError, match=re.escape(said)):
        configured("encoder", Use("resnet", table))


@pytest.mark.parametrize(("widths", "last"), [((16, 32), True), ((12, 24), False)])
def test_channels_are_last_where_that_is_safe(widths: tuple[int, ...], last: bool) -> None:
    scratch = ResNetScratch(embedding_size=widths[0], hidden_sizes=widths, depths=(1, 1))
    torch.manual_seed(0)
    part = PictureResNet(None, scratch, 64, Context()).train()
    assert (part.order is torch.channels_last) == last
    seen = torch.randint(0, 256, (5, 3, 32, 32), dtype=torch.uint8)
    part(seen).square().sum().backward()
    ours = [weight.grad.clone() for weight in part.parameters()]
    part.zero_grad()
    colours = ((seen / 255 - part.mean) / part.std).contiguous()
    part.network(colours).last_hidden_state.square().sum().backward()
    for mine, weight in zip(ours, part.parameters(), strict=True):
        assert torch.allclose(mine, weight.grad, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("sides", [(32, 32), (33, 50)])
def test_a_grid_tells_where_things_are(sides: tuple[int, int]) -> None:
    scratch = ResNetScratch(embedding_size=4, hidden_sizes=(4, 6), depths=(1, 1))
    sizes = {"c": 3, "h": sides[0], "w": sides[1]}
    frames = TensorType("b t c h w", sizes, dtype="uint8", modality="video")
    config = spec.ResNetConfig(scratch=scratch, pool="grid")
    torch.manual_seed(0)
    part = SPEC.load()(config, Context(inputs=frames)).eval()
    seen = torch.randint(0, 256, (1, 2, 3, *sides), dtype=torch.uint8)
    inputs = Sequence(seen, torch.ones(1, 2, dtype=torch.bool), torch.ones(1))
    maps = part.pictures(seen[0])  # (t, c, h, w)
    values = part(inputs).values[0]
    assert torch.equal(values, maps.reshape(2, -1))
    assert SPEC.signature is not None
    assert part.sizes()["d"] == SPEC.signature(config, frames).known("d") == values.shape[1]
    with pytest.raises(UserError, match="needs Context"):
        SPEC.load()(config, Context()).sizes()
