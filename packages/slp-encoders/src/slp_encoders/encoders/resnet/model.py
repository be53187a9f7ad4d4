"""ResNet (He et al., arXiv:1512.03385) from Hugging Face transformers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from attrs import asdict
from torch import Tensor, nn
from transformers import AutoConfig, ResNetModel
from transformers import ResNetConfig as Architecture

from slp_core.context import Context
from slp_core.errors import UserError
from slp_core.parts import ReceptiveField
from slp_core.sequence import Sequence
from slp_encoders.encoders.checkpoints import (
    CONFIG,
    NO_COLOURS,
    read_network,
    read_preprocessor,
    refuse_other_weights,
    register_colours,
    save_preprocessor,
)
from slp_encoders.encoders.frames import FrameEncoder
from slp_encoders.encoders.resnet.spec import ResNetConfig, ResNetScratch, side
from slp_encoders.hub import loading

#: of ImageNet's training pictures; what networks from scratch are given
IMAGENET = {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}


class PictureResNet(nn.Module):
    """Pictures ``n c h w`` of bytes to what the last stage makes of them, ``n d h w``.

    ``batch`` pictures go through at once. In training all do, so that batch normalisation sees
    the statistics of the whole batch.

    Raises:
        UserError: the checkpoint is absent, is of another network, lacks weights or has more.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self, model: str | None, scratch: ResNetScratch | None, batch: int, context: Context
    ) -> None:
        super().__init__()
        self.batch, self.preprocessor = batch, IMAGENET
        if scratch is not None:
            self.network: Any = ResNetModel(Architecture(**asdict(scratch)))
        else:
            assert model is not None
            self._load(model, context)
        register_colours(self, self.preprocessor)

    @property
    def order(self) -> torch.memory_format:
        """How the numbers of a picture lie in memory. Convolutions on a CPU are faster with
        the channels last; but torch 2.15 writes past the end of its memory, going back through a
        strided convolution of fewer than sixteen channels."""
        config = self.network.config
        widths = [config.embedding_size, *config.hidden_sizes]
        even = all(width % 16 == 0 for width in widths)
        return torch.channels_last if even else torch.contiguous_format

    @property
    def width(self) -> int:
        """``d``"""
        return int(self.network.config.hidden_sizes[-1])

    def side(self, pixels: int) -> int:
        """Height or width of the map of pictures of so many pixels."""
        return side(pixels, len(self.network.config.hidden_sizes))

    def _load(self, model: str, context: Context) -> None:
        source, where = str(context.assets or model), context.path or "resnet"
        with loading("ResNet", source, where, files=CONFIG if context.meta else ""):
            config: Any = AutoConfig.from_pretrained(source, trust_remote_code=False)
            if not isinstance(config, Architecture):
                raise ValueError(f"it is a {config.model_type} model, no ResNet.")
            self.preprocessor = NO_COLOURS if context.meta else read_preprocessor(source)
        if not context.reads_weights:
            self.network = ResNetModel(config)
            return
        self.network, report = read_network(ResNetModel, source, config, "ResNet", where)
        refuse_other_weights(self.network, report, "ResNet", where, model)

    def save_assets(self, folder: Path) -> None:
        if self.preprocessor is not IMAGENET:
            self.network.config.save_pretrained(folder)
            save_preprocessor(folder, self.preprocessor)

    def forward(self, pictures: Tensor) -> Tensor:
        some = len(pictures) if self.training else self.batch
        return torch.cat([self._encode(part) for part in pictures.split(some)])

    def _encode(self, pictures: Tensor) -> Tensor:
        coloured = ((pictures / 255 - self.mean) / self.std).to(self.network.dtype)
        return self.network(coloured.contiguous(memory_format=self.order)).last_hidden_state


class ResNetEncoder(FrameEncoder):
    """Pictures ``b t c h w`` of bytes to ``b t d``: the mean over the last stage's map, or with
    ``pool = "grid"`` each of its places, ``d = (c h w)``.

    Only valid steps go through the network, so that the statistics of batch normalisation are
    of them alone.
    """

    receptive_field = ReceptiveField()

    def __init__(self, config: ResNetConfig, context: Context = Context()) -> None:  # noqa: B008
        super().__init__(config, context)
        self.pictures = PictureResNet(config.model, config.scratch, config.batch, context)

    def sizes(self) -> dict[str, int]:
        if self.config.pool == "mean":
            return {"d": self.pictures.width}
        if self.context.inputs is None:
            raise UserError('pool = "grid" needs Context(inputs=TensorType(...)): pictures h by w')
        h, w = (self.pictures.side(self.context.inputs.known(axis)) for axis in "hw")
        return {"d": self.pictures.width * h * w}

    def save_assets(self, folder: Path) -> None:
        self.pictures.save_assets(folder)

    def forward(self, inputs: Sequence) -> Sequence:
        maps = self.pictures(inputs.steps)  # (n, c, h, w)
        encoded = maps.mean((2, 3)) if self.config.pool == "mean" else maps.flatten(1)  # (n, d)
        return inputs.with_steps(encoded)  # (b, t, d)
