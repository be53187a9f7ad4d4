"""What the encoders that are vision transformers of Hugging Face transformers share."""

from __future__ import annotations

import json
from abc import abstractmethod
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor
from transformers import MODEL_MAPPING, AutoConfig, PreTrainedConfig
from transformers.image_processing_base import ImageProcessingMixin

from slp_core.context import Context
from slp_core.errors import UserError
from slp_core.files import write_text
from slp_core.parts import ReceptiveField
from slp_core.sequence import Sequence
from slp_encoders.encoders.frames import FrameEncoder
from slp_encoders.encoders.windows import Windows
from slp_encoders.hub import loading

PREPROCESSOR = "preprocessor_config.json"


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
        with loading(self.title, self.source, self.where):
            self.vision = self._vision_config(self._whole_config())
            self.preprocessor = self._preprocessor()
            for name in ("mean", "std"):
                channels = torch.tensor(self.preprocessor[f"image_{name}"])
                self.register_buffer(name, channels.view(3, 1, 1), persistent=False)
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
        return ImageProcessingMixin.get_image_processor_dict(self.source)[0]

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
        if self.context.assets is not None:
            return self._network_class()(self.vision)  # the weights come with the pipeline's own
        with loading(self.title, self.source, self.where):
            network, report = self._network_class().from_pretrained(
                self.source,
                config=self.vision,
                dtype=torch.float32,
                ignore_mismatched_sizes=True,  # they are refused below, in the user's words
                output_loading_info=True,
            )
        self._refuse_other_weights(network, report)
        return network

    def _refuse_other_weights(self, network: Any, report: dict[str, Any]) -> None:
        halves, prefix = (network, network.base_model), f"{network.base_model_prefix}."
        own = {name for half in halves for name, _ in half.named_children()}
        left = [name.removeprefix(prefix) for name in report["unexpected_keys"]]
        output = getattr(self.config, "output", None)
        reader = self.title if output is None else f'output = "{output}"'
        problems = {
            f"lacks weights that {reader} needs": report["missing_keys"],
            "has weights of another shape than its config.json says": [
                name for name, *_ in report["mismatched_keys"]
            ],
            "has weights that its config.json does not tell of": [
                name for name in left if name.split(".")[0] in own
            ],
        }
        for what, weights in problems.items():
            if weights:
                some = ", ".join(sorted(weights)[:3])
                raise UserError(f"{self.where}: {self.config.model} {what}: {some}")

    def sizes(self) -> dict[str, int]:
        return {"d": self.vision.hidden_size}

    def save_assets(self, folder: Path) -> None:
        self.vision.save_pretrained(folder)
        write_text(folder / PREPROCESSOR, json.dumps(self.preprocessor, indent=2) + "\n")

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
