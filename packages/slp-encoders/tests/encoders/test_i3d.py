"""The I3D against a plain function of its published weights' names.

Every padding, stride and branch is written out here from the network's description, the arithmetic
of "SAME" in its other form (from the size that comes out), and nothing of the encoder is used.
"""

import math
import os
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from slp_core.context import Context
from slp_core.errors import UserError
from slp_core.sequence import Sequence
from slp_core.tensortype import TensorType, TypeMismatch
from slp_core.testing import assert_padding_changes_nothing
from slp_encoders.encoders.i3d.model import InceptionI3D
from slp_encoders.encoders.i3d.spec import SPEC, I3DConfig

SIDE, CLASSES = 33, 7
STEM = {"Conv3d_1a_7x7": (3, 64, 7), "Conv3d_2b_1x1": (64, 64, 1), "Conv3d_2c_3x3": (64, 192, 3)}
BRANCHES = ("b0", "b1a", "b1b", "b2a", "b2b", "b3b")
BLOCKS = {
    "3b": (64, 96, 128, 16, 32, 32),
    "3c": (128, 128, 192, 32, 96, 64),
    "4b": (192, 96, 208, 16, 48, 64),
    "4c": (160, 112, 224, 24, 64, 64),
    "4d": (128, 128, 256, 24, 64, 64),
    "4e": (112, 144, 288, 32, 64, 64),
    "4f": (256, 160, 320, 32, 128, 128),
    "5b": (256, 160, 320, 32, 128, 128),
    "5c": (384, 192, 384, 48, 128, 128),
}
STATISTICS = ("weight", "bias", "running_mean", "running_var")


def published(classes: int) -> dict[str, tuple[int, ...]]:
    """Every tensor of a published checkpoint, without the counters of later torch versions."""
    units, width = dict(STEM), 192
    for block, (b0, b1a, b1b, b2a, b2b, b3b) in BLOCKS.items():
        sizes = [(width, b0, 1), (width, b1a, 1), (b1a, b1b, 3), (width, b2a, 1), (b2a, b2b, 3),
                 (width, b3b, 1)]  # fmt: skip
        units |= {f"Mixed_{block}.{b}": one for b, one in zip(BRANCHES, sizes, strict=True)}
        width = b0 + b1b + b2b + b3b
    shapes: dict[str, tuple[int, ...]] = {}
    for name, (inputs, outputs, kernel) in units.items():
        shapes[f"{name}.conv3d.weight"] = (outputs, inputs, kernel, kernel, kernel)
        shapes |= {f"{name}.bn.{one}": (outputs,) for one in STATISTICS}
    head = {"weight": (classes, width, 1, 1, 1), "bias": (classes,)}
    return shapes | {f"logits.conv3d.{name}": shape for name, shape in head.items()}


def same(x: Tensor, kernel: tuple[int, ...], stride: tuple[int, ...]) -> Tensor:
    """TensorFlow: the output has ceil(n / s) places, the kernels of the outermost ones tell how
    many zeros are needed."""
    for axis, (k, s) in enumerate(zip(kernel, stride, strict=True), start=2):
        n = x.shape[axis]
        total = max((math.ceil(n / s) - 1) * s + k - n, 0)
        for zeros, before in ((total // 2, True), (total - total // 2, False)):
            shape = list(x.shape)
            shape[axis] = zeros
            x = torch.cat([x.new_zeros(shape), x] if before else [x, x.new_zeros(shape)], axis)
    return x


def reference(weights: dict[str, Tensor], x: Tensor) -> Tensor:
    """``n c t h w`` to ``n 1024``."""

    def unit(name: str, x: Tensor, stride: int = 1) -> Tensor:
        kernel = weights[f"{name}.conv3d.weight"]
        padded = same(x, tuple(kernel.shape[2:]), (stride,) * 3)
        scale, shift, mean, var = (
            weights[f"{name}.bn.{one}"].view(-1, 1, 1, 1) for one in STATISTICS
        )
        y = F.conv3d(padded, kernel, stride=stride)
        return ((y - mean) / (var + 0.001).sqrt() * scale + shift).clamp(min=0)

    def pool(x: Tensor, kernel: tuple[int, ...], stride: tuple[int, ...]) -> Tensor:
        return F.max_pool3d(same(x, kernel, stride), kernel, stride)

    x = pool(unit("Conv3d_1a_7x7", x, 2), (1, 3, 3), (1, 2, 2))
    x = pool(unit("Conv3d_2c_3x3", unit("Conv3d_2b_1x1", x)), (1, 3, 3), (1, 2, 2))
    for block in BLOCKS:
        if block == "4b":
            x = pool(x, (3, 3, 3), (2, 2, 2))
        if block == "5b":
            x = pool(x, (2, 2, 2), (2, 2, 2))
        at = f"Mixed_{block}"
        x = torch.cat([
            unit(f"{at}.b0", x),
            unit(f"{at}.b1b", unit(f"{at}.b1a", x)),
            unit(f"{at}.b2b", unit(f"{at}.b2a", x)),
            unit(f"{at}.b3b", pool(x, (3, 3, 3), (1, 1, 1))),
        ], 1)  # fmt: skip
    return x.flatten(2).mean(-1)


@pytest.fixture(scope="module")
def weights() -> dict[str, Tensor]:
    """Random ones that keep the signal's size from layer to layer."""
    torch.manual_seed(0)
    made = {}
    for name, shape in published(CLASSES).items():
        if len(shape) > 1:
            made[name] = torch.randn(shape) * (2 / math.prod(shape[1:])) ** 0.5
        elif name.endswith(("bn.weight", "running_var")):
            made[name] = torch.rand(shape) + 0.5
        else:
            made[name] = 0.2 * torch.randn(shape)
    return made


@pytest.fixture(scope="module")
def file(weights: dict[str, Tensor], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("i3d") / "rgb.pt"
    torch.save(weights, path)
    return path


def built(file: Path, **config: Any) -> Any:
    keys = {"pixels": "-1..1", "classes": CLASSES, "window": 9, "stride": 4, **config}
    return SPEC.load()(I3DConfig(str(file), **keys), Context(path="streams.a.encoder")).eval()


def clips(*lengths: int, side: int = SIDE) -> list[Tensor]:
    return [torch.randint(256, (n, 3, side, side), dtype=torch.uint8) for n in lengths]


def close(ours: Tensor, theirs: Tensor) -> bool:
    """To 1e-5 of the largest number: kernels of several threads add in another order."""
    return bool((ours - theirs).abs().max() <= 1e-5 * theirs.abs().max())


def batch(*samples: Tensor) -> Sequence:
    return Sequence.pad(samples, [25.0] * len(samples))


def window(clip: Tensor, start: int, length: int) -> Tensor:
    """``1 c t h w``, the last frame again behind the end."""
    frames = [clip[min(start + step, len(clip) - 1)] for step in range(length)]
    return torch.stack(frames, 1)[None].float()


@torch.no_grad()
def test_a_checkpoint_of_the_published_names(weights: dict[str, Tensor], file: Path) -> None:
    """Clips of different lengths in one batch, each window as the reference has it."""
    samples = clips(12, 3)
    output = built(file, batch=2)(batch(*samples))
    assert output.lengths.tolist() == [2, 1] and output.rate.tolist() == [6.25, 6.25]
    for number, start in ((0, 0), (0, 4), (1, 0)):
        theirs = reference(weights, window(samples[number], start, 9) / 255 * 2 - 1)[0]
        ours = output.values[number, start // 4]
        assert close(ours, theirs) and theirs.std() > 0.1
    assert not output.values[1, 1].any()


@torch.no_grad()
@pytest.mark.parametrize(("frames", "side"), [(16, 32), (17, 50), (5, 64)])
def test_every_size_of_window_and_picture(
    weights: dict[str, Tensor], file: Path, frames: int, side: int
) -> None:
    (clip,) = clips(frames, side=side)
    ours = built(file, window=frames)(batch(clip)).values[0, 0]
    theirs = reference(weights, window(clip, 0, frames) / 255 * 2 - 1)[0]
    assert close(ours, theirs)


@torch.no_grad()
def test_the_range_of_bsl_1k(weights: dict[str, Tensor], file: Path) -> None:
    """Mean 0.5, deviation 1 of colours from 0 to 1."""
    (clip,) = clips(9)
    ours = built(file, pixels="-0.5..0.5")(batch(clip)).values[0, 0]
    theirs = reference(weights, (window(clip, 0, 9) / 255 - 0.5) / 1.0)[0]
    assert close(ours, theirs)
    assert (ours - built(file)(batch(clip)).values[0, 0]).abs().max() > 0.1


def test_the_names_are_the_published_ones() -> None:
    with torch.device("meta"):
        ours = {name: tuple(one.shape) for name, one in InceptionI3D().state_dict().items()}
    expected = published(400)
    assert len(expected) == 287
    assert sum(math.prod(s) for n, s in expected.items() if "running" not in n) == 12_697_264
    counters = {name for name in ours if name.endswith("num_batches_tracked")}
    assert len(counters) == 57
    head = {name: shape for name, shape in expected.items() if name.startswith("logits")}
    assert {n: s for n, s in ours.items() if n not in counters} | head == expected
    for name, shape in [  # golden: of the published files
        ("Conv3d_1a_7x7.conv3d.weight", (64, 3, 7, 7, 7)),
        ("Conv3d_2c_3x3.bn.running_mean", (192,)),
        ("Mixed_4e.b2a.conv3d.weight", (32, 512, 1, 1, 1)),
        ("Mixed_5c.b1b.conv3d.weight", (384, 192, 3, 3, 3)),
        ("Mixed_5c.b3b.bn.weight", (128,)),
        ("logits.conv3d.weight", (400, 1024, 1, 1, 1)),
    ]:
        assert expected[name] == shape


def test_the_shapes_of_the_paper() -> None:
    """16 frames of 224 x 224: a trace of time and height behind each layer that halves one."""
    with torch.device("meta"):
        x, network, trace = torch.zeros(1, 3, 16, 224, 224), InceptionI3D(), []
        for layer in network:
            x = layer(x)
            if tuple(x.shape[2:4]) not in trace:
                trace.append(tuple(x.shape[2:4]))
    assert trace == [(8, 112), (8, 56), (8, 28), (4, 14), (2, 7)] and x.shape[1] == 1024


@torch.no_grad()
def test_layouts_of_checkpoints(weights: dict[str, Tensor], file: Path, tmp_path: Path) -> None:
    """BSL-1K's: a whole checkpoint of DataParallel; with the counters of later versions; old."""
    expected = built(file).state_dict()
    counted = {f"{name[:-7]}.num_batches_tracked": torch.tensor(5) for name in weights
               if name.endswith("bn.weight")}  # fmt: skip
    parallel = {f"module.{name}": one for name, one in weights.items()}
    headless = {name: one for name, one in weights.items() if "logits" not in name}
    for saved, classes in [
        ({"epoch": 3, "arch": "InceptionI3d", "state_dict": parallel, "optimizer": {}}, CLASSES),
        (parallel, CLASSES),
        ({**weights, **counted}, CLASSES),
        (headless, None),
    ]:
        torch.save(saved, tmp_path / "a.pt", _use_new_zipfile_serialization=saved is not parallel)
        state = built(tmp_path / "a.pt", classes=classes).state_dict()
        for name, one in expected.items():
            assert name.endswith("tracked") or torch.equal(one, state[name])


def test_loading_is_strict(weights: dict[str, Tensor], tmp_path: Path) -> None:
    name = "Mixed_4c.b1b.conv3d.weight"
    for change, said in [
        ({name: None}, f"Missing key.*{name}"),
        ({"Mixed_6a.b0.conv3d.weight": torch.zeros(1)}, "Unexpected key.*Mixed_6a"),
        ({name: torch.zeros(3)}, f"size mismatch for {name}"),
        (
            {"logits.conv3d.weight": None, "logits.conv3d.bias": None},
            "has no logits; leave classes out",
        ),
        ({"logits.conv3d.bias": None}, r"logits of the shapes \[\(7, 1024, 1, 1, 1\)\]"),
    ]:
        changed = {key: one for key, one in {**weights, **change}.items() if one is not None}
        torch.save(changed, tmp_path / "a.pt")
        with pytest.raises(UserError, match=f"streams.a.encoder: .*{said}") as caught:
            built(tmp_path / "a.pt")
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("classes", [None, 400])
def test_logits_are_left_aside_only_if_the_recipe_says_which(
    file: Path, classes: int | None
) -> None:
    with pytest.raises(UserError, match=r"logits of the shapes .*\(7,\)\]; write classes = 7"):
        built(file, classes=classes)


class Evil:
    def __reduce__(self) -> Any:
        return os.mkdir, ("evil",)


def test_files_that_are_no_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"not at absent.pt; download .*rgb_imagenet.pt.*bsl1k"):
        built(Path("absent.pt"))
    Path("text.pt").write_text("no weights")
    Path("empty.pt").write_bytes(b"")
    Path("evil.pt").write_bytes(pickle.dumps(Evil()))
    torch.save({"state_dict": Evil()}, "evil-zip.pt")
    torch.save([1, 2], "list.pt")
    for name in ("text", "empty", "evil", "evil-zip", "list"):
        with pytest.raises(UserError, match=f"{name}.pt holds no weights that can be read"):
            built(Path(f"{name}.pt"))
    assert not Path("evil").exists()


@pytest.fixture(scope="module")
def part(file: Path) -> Any:
    return built(file, window=4, stride=2, batch=3)


@settings(max_examples=5)
@given(lengths=st.lists(st.integers(1, 7), min_size=1, max_size=3), extra=st.integers(0, 3))
def test_padding_changes_nothing(part: Any, lengths: list[int], extra: int) -> None:
    assert_padding_changes_nothing(part, clips(*lengths, side=32), extra=extra)


def test_batch_normalisation_learns_from_valid_windows_only(file: Path) -> None:
    long, short = clips(6, 4, side=32)
    alone, padded = (built(file, window=4, stride=2, batch=1).train() for _ in range(2))
    inputs = batch(long, short)
    inputs.values[~inputs.mask] = 255
    padded(inputs)
    alone(batch(long[:4], long[2:], short))
    for name, value in padded.state_dict().items():
        assert torch.allclose(value, alone.state_dict()[name], atol=1e-5), name
    started = torch.load(file)["Mixed_3b.b0.bn.running_mean"]
    assert not torch.allclose(padded.network.Mixed_3b.b0.bn.running_mean, started)


@torch.no_grad()
def test_opened_again_without_the_checkpoint(part: Any, tmp_path: Path) -> None:
    part.save_assets(tmp_path)
    assert not list(tmp_path.iterdir())
    again = SPEC.load()(
        I3DConfig("absent", "-1..1", window=4, stride=2), Context(assets=tmp_path)
    ).eval()
    again.load_state_dict(part.state_dict())
    inputs = batch(*clips(4, 2, side=32))
    assert torch.equal(again(inputs).values, part(inputs).values)


def test_types() -> None:
    assert SPEC.signature is not None
    frames = TensorType("b t c h w", {"c": 3, "h": 64, "w": 64}, dtype="uint8", modality="video")
    output = SPEC.signature(I3DConfig("x", "-1..1", stride=4), frames)
    assert (str(output.rate), output.known("d"), output.axes) == ("rate of the clip / 4", 1024, "b t d")  # fmt: skip # noqa: E501
    with pytest.raises(TypeMismatch, match="uint8 is needed"):
        SPEC.signature(I3DConfig("x", "-1..1"), frames.to(dtype="float32"))
