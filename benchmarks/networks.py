"""Randomly initialised networks of the usual sizes, opened by this library and without it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from attrs import field, frozen
from einops import rearrange, reduce
from PIL import Image
from torch import Tensor
from torch.nn.init import kaiming_normal_
from torchvision import transforms
from transformers import (
    AutoImageProcessor,
    AutoModel,
    BitImageProcessor,
    CLIPImageProcessor,
    CLIPVisionConfig,
    CLIPVisionModel,
    Dinov2Config,
    Dinov2Model,
    VideoMAEConfig,
    VideoMAEImageProcessor,
    VideoMAEModel,
)

import slp_encoders
from slp_core.parts import Encoder
from slp_encoders.encoders.i3d.model import InceptionI3D
from slp_encoders.encoders.windows import window_starts


@frozen(eq=False)
class Network:
    """A checkpoint, opened by this library and without it."""

    encoder: Encoder
    normalised: Callable[[Tensor], Tensor]  #: bytes to what the network was trained to see
    processor: Callable[[list[Image.Image]], Tensor]  #: pictures to normalised ``t c h w``
    bare: Callable[..., Tensor]  #: views to vectors ``n d``
    views: Callable[[Tensor], list[Tensor]] = field(default=lambda seen: [seen])

    @property
    def window(self) -> int:
        assert self.encoder.receptive_field is not None
        return self.encoder.receptive_field.window

    def windows(self, frames: Tensor) -> Iterator[Tensor]:
        """``t c h w`` to ``c h w`` each, or ``w c h w`` where the network sees several."""
        seen: Any = self.encoder.receptive_field
        if seen.window == 1:
            yield from frames
            return
        for start in window_starts(len(frames), seen.window, seen.stride, seen.tail):
            yield frames[(start + torch.arange(seen.window)).clamp(max=len(frames) - 1)]


def dinov2_s(folder: Path, size: int, tiny: bool, device: str) -> Network:
    sizes = {"hidden_size": 384, "num_attention_heads": 6, "patch_size": 14}
    save(Dinov2Model, Dinov2Config, sizes, folder, size, tiny)
    BitImageProcessor(**scaled_to(size * 8 // 7, size)).save_pretrained(folder)
    config = slp_encoders.DinoV2Config(str(folder), batch=32)
    return transformer(
        slp_encoders.DinoV2Encoder(config),
        lambda model, pictures: model(pictures).last_hidden_state[:, 0],
        device,
    )


def clip_b_s2(folder: Path, size: int, tiny: bool, device: str) -> Network:
    batch = 8
    save(CLIPVisionModel, CLIPVisionConfig, {"patch_size": 32}, folder, size, tiny)
    CLIPImageProcessor(**scaled_to(size, size)).save_pretrained(folder)

    def views(pictures: Tensor) -> list[Tensor]:
        enlarged = F.interpolate(pictures, scale_factor=2, mode="bicubic")
        return [pictures, rearrange(enlarged, "n c (i h) (j w) -> (i j n) c h w", i=2, j=2)]

    def bare(model: Any, *views: Tensor) -> Tensor:
        seen = [
            torch.cat([model(some).last_hidden_state[:, 0] for some in view.split(batch)])
            for view in views
        ]
        return torch.cat([seen[0], reduce(seen[1], "(tiles n) d -> n d", "mean", tiles=4)], -1)

    config = slp_encoders.ClipConfig(str(folder), output="last", scales=[1, 2], batch=batch)
    return transformer(slp_encoders.ClipEncoder(config), bare, device, views=views)


def videomae_b(folder: Path, size: int, tiny: bool, device: str) -> Network:
    save(VideoMAEModel, VideoMAEConfig, {"patch_size": 16}, folder, size, tiny)
    VideoMAEImageProcessor(**scaled_to(size, size)).save_pretrained(folder)
    return transformer(
        slp_encoders.VideoMAEEncoder(slp_encoders.VideoMAEConfig(str(folder), batch=2)),
        lambda model, frames: model(frames).last_hidden_state[:, 0],
        device,
    )


def i3d(folder: Path, size: int, tiny: bool, device: str) -> Network:
    """It is never tiny."""
    folder.mkdir()
    torch.manual_seed(0)
    model = InceptionI3D().eval()
    for weight in model.parameters():
        if weight.ndim > 1:
            kaiming_normal_(weight)  # else next to nothing is left at the end
    model.to(device)
    torch.save(model.state_dict(), folder / "i3d.pt")
    steps = [transforms.Resize(size), transforms.CenterCrop(size), transforms.ToTensor()]
    picture = transforms.Compose([*steps, transforms.Normalize([0.5] * 3, [0.5] * 3)])
    config = slp_encoders.I3DConfig(str(folder / "i3d.pt"), pixels="-1..1", batch=4)
    return Network(
        slp_encoders.I3DEncoder(config).eval().to(device),
        lambda frames: frames / 127.5 - 1,
        lambda pictures: torch.stack([picture(one) for one in pictures]),
        lambda frames: model(frames.transpose(1, 2)).mean((2, 3, 4)),
    )


BUILDERS = {"dinov2-s": dinov2_s, "clip-b-s2": clip_b_s2, "videomae-b": videomae_b, "i3d": i3d}


def transformer(encoder: Any, vectors: Callable[..., Tensor], device: str, **more: Any) -> Network:
    """The network and the processor that transformers opens by itself."""
    model = AutoModel.from_pretrained(encoder.source).eval().to(device)
    processor = AutoImageProcessor.from_pretrained(encoder.source)

    def preprocess(pictures: list[Image.Image]) -> Tensor:
        seen = processor(pictures, return_tensors="pt").pixel_values
        return seen.flatten(0, -4)  # (t, c, h, w); a video's lie in a batch of one

    return Network(
        encoder.eval().to(device),
        encoder.normalised,
        preprocess,
        lambda *views: vectors(model, *views),
        **more,
    )


def save(
    model: Any, config: Any, sizes: dict[str, int], folder: Path, size: int, tiny: bool
) -> None:
    """A checkpoint of random weights, for pictures of ``size`` pixels a side."""
    torch.manual_seed(0)
    sizes = {**sizes, "image_size": size}
    if tiny:
        sizes |= {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
        sizes |= {"patch_size": 16, "intermediate_size": 32}
    known = {name: size for name, size in sizes.items() if hasattr(config(), name)}
    model(config(**known)).save_pretrained(folder)


def scaled_to(shorter: int, middle: int) -> dict[str, Any]:
    size = {"size": {"shortest_edge": shorter}, "crop_size": {"height": middle, "width": middle}}
    return {"do_resize": True, "do_center_crop": True, **size}


def side(small: bool) -> int:
    return 32 if small else 224
