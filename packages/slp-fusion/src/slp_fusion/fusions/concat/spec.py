"""Configuration and signature of concatenation."""

from __future__ import annotations

from typing import Literal

from attrs import field, frozen

from slp_core.spec import ComponentSpec
from slp_core.tensortype import Size, Symbol, TensorType, TypeMismatch


@frozen
class ConcatConfig:
    """Keys of concatenation."""

    axis: Literal["time", "channel"] = field(
        default="time",
        metadata={"help": "streams one after another (time), or side by side (channel)"},
    )
    resample: bool = field(
        default=False,
        metadata={"help": "side by side, bring all to the steps of the first (linear)"},
    )

    def __attrs_post_init__(self) -> None:
        if self.resample and self.axis == "time":
            raise ValueError('`resample` is for axis = "channel"')


def signature(config: ConcatConfig, inputs: dict[str, TensorType]) -> TensorType:
    """Several ``b t d`` to one: ``time`` needs equal widths, ``channel`` equal rates, or
    ``resample``."""
    for name, stream in inputs.items():
        try:
            stream.expect("b t d", dtype="float32")
        except TypeMismatch as error:
            raise TypeMismatch(f'cannot be joined: "{name}" {error}') from error
    if config.axis == "time":
        return _in_time(inputs)
    return _in_channels(inputs, config.resample)


def _in_time(inputs: dict[str, TensorType]) -> TensorType:
    first, *others = inputs
    for name in others:
        try:
            inputs[name].expect("b t d", d=inputs[first]["d"])
        except TypeMismatch as error:
            raise TypeMismatch(f'differ in width: "{name}" {error}') from error
    return inputs[first].to("b t d", rate=None, modality=None)


def _in_channels(inputs: dict[str, TensorType], resample: bool) -> TensorType:
    first, *others = inputs
    rate = inputs[first].rate
    for name in others:
        if inputs[name].rate != rate and not resample:
            theirs = " and ".join(
                f'"{one}" has {inputs[one].rate or "no clock"}' for one in (first, name)
            )
            raise TypeMismatch(
                f"differ in rate, side by side they must not: {theirs} (or write resample = true)"
            )
    widths = [stream["d"] for stream in inputs.values()]
    known = [int(width) for width in widths if isinstance(width, Size)]
    total = Size(sum(known), "axis") if len(known) == len(widths) else Symbol("d")
    return inputs[first].to("b t d", d=total, modality=None)


SPEC = ComponentSpec(
    kind="fusion",
    config=ConcatConfig,
    signature=signature,
    factory="slp_fusion.fusions.concat.model:ConcatFusion",
    summary="streams one after another in time, or side by side in width",
)
