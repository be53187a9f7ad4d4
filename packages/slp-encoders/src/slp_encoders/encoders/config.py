"""Keys and types that several encoders of frames have."""

from __future__ import annotations

from typing import Literal

from attrs import field, frozen
from attrs.validators import ge

from slp_core.tensortype import Size, Symbol, TensorType
from slp_encoders.encoders.windows import Tail


@frozen(kw_only=True)
class WindowConfig:
    """Of encoders that make a step of several frames."""

    window: int = field(default=16, validator=ge(1), metadata={"help": "frames seen at once"})
    stride: int = field(
        default=8, validator=ge(1), metadata={"help": "frames from one window to the next"}
    )
    tail: Tail = field(
        default="repeat",
        metadata={"help": "frames behind the last full window: one more window, filled up with "
                          "the last frame; or drop them"},
    )  # fmt: skip
    batch: int = field(
        default=4, validator=ge(1), metadata={"help": "windows through the network at once"}
    )


def per_window(inputs: TensorType, stride: int, width: Size | Symbol | None = None) -> TensorType:
    """``b t c h w`` bytes to ``b t' d``, a step every ``stride`` frames. Without a ``width``, only
    the weights tell ``d``."""
    inputs.expect("b t c h w", dtype="uint8", c=3)
    rate = inputs.rate and inputs.rate / stride
    sizes = {} if width is None else {"d": width}
    return inputs.to("b t d", dtype="float32", rate=rate, modality=None, **sizes)


Pool = Literal["mean", "grid"]
POOL_HELP = {
    "help": "the mean over the network's last map; or each place of it by itself, which tells "
    "where things are and is as many times wider"
}


def one_of_both(model: str | None, scratch: object) -> None:
    """Raise a ValueError unless either a checkpoint or a new network is written."""
    if (model is None) == (scratch is None):
        both = "neither is" if model is None else "both are"
        raise ValueError(f"either `model` or `scratch` is expected; {both} written")
