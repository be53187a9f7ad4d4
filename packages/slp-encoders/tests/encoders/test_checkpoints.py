"""What holds for every encoder that reads a checkpoint of transformers."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from transformers import BertConfig

from slp_core.context import Context
from slp_core.errors import MissingWeights, UserError
from slp_core.sequence import Sequence
from slp_core.signals import Clip
from slp_core.tensortype import Rate, Symbol, TensorType, TypeMismatch
from slp_core.testing import assert_padding_changes_nothing
from slp_encoders.trials.checkpoints import CHECKPOINTS, MEAN, STD, WINDOW, typed

from .tiny import clips, reopened, rewritten

OPTIONS: list[tuple[str, dict[str, Any]]] = [
    ("clip", {"output": "projection"}),
    ("clip", {"output": "pooled"}),
    ("clip", {"output": "last"}),
    ("clip", {"scales": [1, 2]}),
    ("dinov2", {"output": "cls"}),
    ("registers", {"output": "cls"}),
    ("registers", {"output": "patch-mean"}),
    ("siglip", {"output": "pooled"}),
    ("siglip", {"output": "patch-mean"}),
    ("videomae", {"output": "last"}),
    ("videomae", {"output": "normed", "tail": "drop"}),
    ("vjepa2", {"tail": "repeat"}),
    ("vjepa2", {"tail": "drop"}),
]
every_option = pytest.mark.parametrize(
    ("name", "keys"),
    OPTIONS,
    ids=[f"{name}-{'-'.join(map(str, keys.values()))}" for name, keys in OPTIONS],
)
every_name = pytest.mark.parametrize("name", CHECKPOINTS)
of_windows = pytest.mark.parametrize("name", ["videomae", "vjepa2"])


@pytest.fixture(scope="module")
def built(checkpoints: dict[str, Path]) -> Callable[..., Any]:
    return lambda name, **keys: CHECKPOINTS[name].open(checkpoints[name], **keys)


@every_option
@settings(max_examples=10)
@given(lengths=st.lists(st.integers(1, 9), min_size=1, max_size=3), extra=st.integers(0, 5))
def test_padding_changes_nothing(
    built: Any, name: str, keys: Any, lengths: list[int], extra: int
) -> None:
    assert_padding_changes_nothing(built(name, batch=3, **keys), clips(*lengths), extra=extra)


@every_option
@torch.no_grad()
def test_nan_in_the_padding_is_never_seen(built: Any, name: str, keys: Any) -> None:
    inputs = Sequence.pad([clip.float() for clip in clips(7, 3)], [25.0] * 2)
    inputs.values[~inputs.mask] = torch.nan
    assert built(name, **keys)(inputs).values.isfinite().all()


@every_option
@torch.no_grad()
def test_opened_again_without_the_model(
    checkpoints: dict[str, Path], tmp_path: Path, name: str, keys: Any
) -> None:
    model, assets = tmp_path / "model", tmp_path / "assets"
    shutil.copytree(checkpoints[name], model)
    part = CHECKPOINTS[name].open(model, **keys)
    shutil.rmtree(model)
    again = reopened(part, assets, typed())
    assert {file.name for file in assets.iterdir()} == {"config.json", "preprocessor_config.json"}
    inputs = Sequence.pad(clips(2, 7), [25.0] * 2)
    assert torch.equal(again(inputs).values, part(inputs).values)
    assert again.sizes() == part.sizes() == {"d": part(inputs).values.shape[2]}


@every_option
def test_shapes_alone_need_the_configuration_alone(
    checkpoints: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str,
    keys: Any,
) -> None:  # fmt: skip
    shutil.copy(checkpoints[name] / "config.json", tmp_path)
    part, tiny = CHECKPOINTS[name].open(checkpoints[name], **keys), CHECKPOINTS[name]
    context = Context(path="streams.a.encoder", inputs=typed(), meta=True)
    with torch.device("meta"):
        shapes = type(part)(tiny.spec.config(str(tmp_path), **{**tiny.keys, **keys}), context)
    own = {key: value.shape for key, value in part.state_dict().items()}
    assert {key: value.shape for key, value in shapes.state_dict().items()} == own
    assert {value.device.type for value in shapes.parameters()} == {"meta"}
    assert shapes.sizes() == part.sizes()
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(MissingWeights, match=r"hf download nobody/none config\.json`") as error:
        type(part)(tiny.spec.config("nobody/none", **{**tiny.keys, **keys}), context)
    assert error.value.key == "streams.a.encoder.model"


@every_name
def test_files_are_read_as_it_needs_them(
    checkpoints: dict[str, Path], tmp_path: Path, name: str
) -> None:
    film = tmp_path / "film"  # a folder of pictures, wider than high
    film.mkdir()
    for number in range(9):
        noise = torch.randint(256, (40, 60, 3), dtype=torch.uint8).numpy()
        Image.fromarray(noise).save(film / f"{number}.png")
    part = CHECKPOINTS[name].open(checkpoints[name])
    ((source, features),) = part.extract([film], folder=tmp_path / "cache")
    with torch.no_grad():
        frames = torch.from_numpy(part.processor().read(Clip(source)).values)
        alone = part(Sequence.pad([frames], [25.0]))
    assert torch.allclose(features, alone.values[0], atol=1e-5)


@every_name
def test_gradients_reach_the_network(built: Any, name: str) -> None:
    part = built(name, batch=2)
    part(Sequence.pad(clips(7, 1), [25.0] * 2)).values.square().sum().backward()
    unreached = {key for key, weight in part.network.named_parameters() if weight.grad is None}
    assert unreached <= {"embeddings.mask_token"}  # DINOv2's, for pre-training


@every_name
def test_colours_are_the_checkpoints(built: Any, name: str) -> None:
    """transformers' own defaults are not always what the models were trained on."""
    part = built(name)
    assert part.mean.flatten().tolist() == pytest.approx(MEAN)
    assert part.std.flatten().tolist() == pytest.approx(STD)
    assert not {"mean", "std"} & part.state_dict().keys()


@every_option
def test_weights_and_configuration_that_differ_are_refused(
    checkpoints: dict[str, Path], tmp_path: Path, name: str, keys: Any
) -> None:
    tiny, folder = CHECKPOINTS[name], checkpoints[name]
    one = tiny.weight
    another = re.sub(r"(layers?)\.1\.", r"\1.2.", one)
    asking = (
        f'output = "{tiny.spec.config("x", **keys).output}"' if name != "vjepa2" else tiny.title
    )
    less = rewritten(folder, tmp_path / "less", lambda weights: weights.pop(one))
    with pytest.raises(UserError, match=f"lacks weights that {asking} needs: .*layers?.1"):
        tiny.open(less, **keys)
    more = rewritten(folder, tmp_path / "more", lambda w: w.update({another: w[one] + 1}))
    with pytest.raises(UserError, match="config.json does not tell of: .*layers?.2"):
        tiny.open(more, **keys)
    narrow = rewritten(folder, tmp_path / "narrow", lambda w: w.update({one: w[one][:5].clone()}))
    with pytest.raises(UserError, match="another shape than its config.json says: .*layers?.1"):
        tiny.open(narrow, **keys)


@every_name
def test_files_that_are_not_there(
    checkpoints: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    tiny, folder = CHECKPOINTS[name], checkpoints[name]
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(UserError, match=r"streams\.a\.encoder\.model: .*`hf download nobody/none`"):
        tiny.open("nobody/none")
    files = {file.name for file in folder.iterdir()}
    assert len(files) == 3 and {"model.safetensors", "config.json"} < files
    for file in files:
        broken = tmp_path / f"without-{file}"
        shutil.copytree(folder, broken)
        (broken / file).unlink()
        with pytest.raises(UserError, match="save_pretrained"):
            tiny.open(broken)
    shutil.copytree(folder, tmp_path / "cut")
    weights = tmp_path / "cut" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(UserError, match="cannot be loaded"):
        tiny.open(tmp_path / "cut")


@every_name
def test_other_models_are_refused(checkpoints: dict[str, Path], tmp_path: Path, name: str) -> None:
    tiny = CHECKPOINTS[name]
    shutil.copytree(checkpoints[name], tmp_path, dirs_exist_ok=True)
    BertConfig().save_pretrained(tmp_path)
    with pytest.raises(UserError, match=f"bert model, no {tiny.title}"):
        tiny.open(tmp_path)
    other = "videomae" if name == "clip" else "clip"
    shutil.copy(checkpoints[other] / "config.json", tmp_path)
    with pytest.raises(UserError, match=f"{other} model, no {tiny.title}"):
        tiny.open(tmp_path)


@pytest.mark.parametrize("name", ["clip", "siglip", "videomae", "vjepa2"])
def test_pictures_of_another_size_are_refused(built: Any, name: str) -> None:
    with pytest.raises(UserError, match="32 x 32 pixels, the processor gives 64 x 64"):
        built(name, side=64)


@of_windows
@torch.no_grad()
def test_a_window_by_itself_gives_the_same_step(built: Any, name: str) -> None:
    """What extraction in pieces relies on."""
    part, clip = built(name, stride=3), clips(9)[0]
    field = part.receptive_field
    assert (field.window, field.stride, field.tail) == (WINDOW, 3, "repeat")
    whole = part(Sequence.pad([clip], [25.0]))
    assert whole.lengths.tolist() == [3] and whole.rate.tolist() == pytest.approx([25 / 3])
    for step, expected in enumerate(whole.values[0]):
        piece = clip[3 * step :][:WINDOW]
        found = part(Sequence.pad([piece], [25.0])).values[0, 0]
        assert torch.allclose(found, expected, atol=1e-5)


@of_windows
@torch.no_grad()
def test_the_tail_is_dropped_on_purpose_only(built: Any, name: str) -> None:
    inputs = Sequence.pad(clips(7, 2, 4), [25.0] * 3)
    kept, dropped = built(name)(inputs), built(name, tail="drop")(inputs)
    assert dropped.lengths.tolist() == [2, 1, 1]
    assert torch.allclose(dropped.values, kept.values[:, :2], atol=1e-5)


@every_name
def test_types(name: str) -> None:
    spec = CHECKPOINTS[name].spec
    assert spec.signature is not None
    config = spec.config("x")
    output = spec.signature(config, typed())
    assert output.axes == "b t d" and isinstance(output["d"], Symbol)
    assert output.dtype == "float32" and output.modality is None
    assert output.rate == (Rate() / 8 if name in ("videomae", "vjepa2") else Rate())
    assert spec.signature(config, typed().to(rate=None)).rate is None
    with pytest.raises(TypeMismatch, match="uint8 is needed"):
        spec.signature(config, typed().to(dtype="float32"))
    with pytest.raises(TypeMismatch, match="`b t c h w` is needed"):
        spec.signature(config, TensorType("b t d"))
