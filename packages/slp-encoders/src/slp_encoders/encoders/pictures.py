"""What the encoders that are vision transformers of Hugging Face transformers share."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor
from transformers import MODEL_MAPPING, AutoConfig, PreTrainedConfig

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
from slp_encoders.encoders.windows import Windows
from slp_encoders.hub import loading


class VisionTransformer(FrameEncoder):
    """A pretrained network over frames, from a folder or the hub.

    ``config.model`` says which. The mean and standard deviation of the colours are the
    checkpoint's. Loading is strict: a weight that the network lacks, or has in another shape or
    more of than the configuration says, is an error; other halves of the checkpoint (a text
    model, a classifier, the decoder of pre-training) are left out.

    Raises:
        UserError: the model cannot be loaded, is of another kind, or sees pictures of another
            size than ``context.inputs`` says.
    """

    title: ClassVar[str]  #: how messages call it
    kinds: ClassVar[tuple[type[PreTrainedConfig], ...]]  #: of vision configuration that it takes

    mean: Tensor
    std: Tensor

    def __init__(self, config: Any, context: Context = Context()) -> None:  # noqa: B008
        super().__init__(config, context)
        self.where = context.path or self.title
        self.source = config.model if context.assets is None else str(context.assets)
        files = CONFIG if context.meta else ""
        with loading(self.title, self.source, self.where, files=files):
            self.vision = self._vision_config(self._whole_config())
            self.preprocessor = NO_COLOURS if context.meta else self._preprocessor()
            register_colours(self, self.preprocessor)
        if context.inputs is not None:
            self._refuse_other_size(context.inputs.known("h"), context.inputs.known("w"))
        self.network = self._network()

    def _whole_config(self) -> Any:
        """The checkpoint's configuration."""
        return AutoConfig.from_pretrained(self.source, trust_remote_code=False)

    def _vision_config(self, whole: Any) -> Any:
        """The configuration of the network, out of the checkpoint's."""
        vision = getattr(whole, "vision_config", whole)
        if not isinstance(vision, self.kinds):
            raise ValueError(f"it is a {whole.model_type} model, no {self.title}.")
        return vision

    def _preprocessor(self) -> dict[str, Any]:
        return read_preprocessor(self.source)

    def _network_class(self) -> Any:
        return MODEL_MAPPING[type(self.vision)]

    @property
    def side(self) -> int:
        """How many pixels the pictures are high and wide."""
        return self.vision.image_size

    def _refuse_other_size(self, height: int, width: int) -> None:
        side = self.side
        if (height, width) != (side, side):
            raise UserError(
                f"{self.where}: {self.config.model or self.title} sees pictures of {side} x {side} "
                f"pixels, the processor gives {height} x {width}; set its size to {side}"
            )

    def _network(self) -> Any:
        if not self.context.reads_weights:
            return self._network_class()(self.vision)
        kind, source = self._network_class(), self.source
        network, report = read_network(kind, source, self.vision, self.title, self.where)
        self._refuse_other_weights(network, report)
        return network

    def _refuse_other_weights(self, network: Any, report: dict[str, Any]) -> None:
        output = getattr(self.config, "output", None)
        reader = self.title if output is None else f'output = "{output}"'
        refuse_other_weights(network, report, reader, self.where, self.config.model)

    def sizes(self) -> dict[str, int]:
        return {"d": self.vision.hidden_size}

    def save_assets(self, folder: Path) -> None:
        self.vision.save_pretrained(folder)
        save_preprocessor(folder, self.preprocessor)

    def normalised(self, frames: Tensor) -> Tensor:
        """Bytes ``... c h w`` as the network was trained to see them."""
        return ((frames / 255 - self.mean) / self.std).to(self.network.dtype)


class WindowEncoder(VisionTransformer):
    """Frames ``b t c h w`` of bytes to a vector a window, ``b t' d``, at ``rate / stride``.

    Windows of ``config.window`` frames start every ``config.stride`` frames; ``config.batch`` of
    them go through the network at a time. A clip shorter than a window is one window, its last
    frame repeated. ``config.tail = "repeat"`` does the same with the frames behind the last full
    window, so that every frame is seen; ``"drop"`` leaves them out, which gives
    ``floor((t - window) / stride) + 1`` windows.
    """

    def __init__(self, config: Any, context: Context = Context()) -> None:  # noqa: B008
        super().__init__(config, context)
        self.receptive_field = ReceptiveField(config.window, config.stride, config.tail)

    @abstractmethod
    def encode(self, windows: Tensor) -> Tensor:
        """Normalised ``n w c h w`` to ``n d``."""

    def forward(self, inputs: Sequence) -> Sequence:
        windows = Windows.of(inputs, self.config.window, self.config.stride, self.config.tail)
        batches = windows.batches(inputs.values, self.config.batch)  # (n, w, c, h, w)
        parts = [self.encode(self.normalised(some)) for some in batches]
        return windows.sequence(torch.cat(parts))  # (b, t', d)


class PictureEncoder(VisionTransformer):
    """Pictures ``b t c h w`` of bytes to vectors ``b t d``, each by itself.

    Only valid steps go through the network, ``config.batch`` at a time.
    """

    receptive_field = ReceptiveField()

    @abstractmethod
    def encode(self, pictures: Tensor) -> Tensor:
        """Normalised ``n c h w`` to ``n d``."""

    def forward(self, inputs: Sequence) -> Sequence:
        pictures = inputs.steps  # (n, c, h, w)
        parts = [self.encode(self.normalised(some)) for some in pictures.split(self.config.batch)]
        return inputs.with_steps(torch.cat(parts))  # (b, t, d)
