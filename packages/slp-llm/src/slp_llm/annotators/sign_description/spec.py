"""What a recipe may write about descriptions of signing."""

from __future__ import annotations

from typing import Literal

from attrs import field, frozen
from attrs.validators import ge, min_len

from slp_core.spec import ComponentSpec

PROMPT = "Describe only the motion and gestures of the person in the image focus on hands and face."


def _help(text: str) -> dict[str, str]:
    return {"help": text}


@frozen
class SignDescriptionConfig:
    """``model`` describes the frames of a film; left out, rules describe its pose."""

    model: str = field(
        default="",
        metadata=_help(
            "an image-text model that describes frames, by name or folder (MMSLT: "
            '"llava-hf/llava-onevision-qwen2-7b-ov-hf"); left out, rules describe the pose'
        ),
    )
    signal: str = field(
        default="", metadata=_help("the column that is read [video, or without a model pose]")
    )
    every: int = field(
        default=5,
        validator=ge(1),
        metadata=_help("describe one frame of so many; its description holds until the next"),
    )
    prompt: str = field(
        default=PROMPT, validator=min_len(1), metadata=_help("what the model is asked of a frame")
    )
    max_new_tokens: int = field(
        default=256, validator=ge(1), metadata=_help("longest description of the model")
    )
    size: int = field(
        default=384, validator=ge(1), metadata=_help("pixels a side of the frames it is shown")
    )
    batch: int = field(
        default=8, validator=ge(1), metadata=_help("frames, or descriptions, at a time")
    )
    dtype: Literal["float32", "bfloat16", "float16"] = field(
        default="float16", metadata=_help("of the model's weights")
    )
    embed: str = field(
        default="bert-base-cased",
        validator=min_len(1),
        metadata=_help(
            "a text encoder, by name or folder, whose first token's last state is the "
            'description\'s; or "words": a 1 for each phrase that the rules say'
        ),
    )
    column: str = field(
        default="features.description",
        validator=min_len(1),
        metadata=_help("the column that is added"),
    )

    def __attrs_post_init__(self) -> None:
        if self.model and self.embed == "words":
            raise ValueError('embed = "words" knows the phrases of rules, a model says others')
        if not self.model and self.prompt != PROMPT:
            raise ValueError("`prompt` has no effect without `model`")


SPEC = ComponentSpec(
    kind="annotator",
    config=SignDescriptionConfig,
    factory="slp_llm.annotators.sign_description.model:SignDescription",
    summary="What each frame looks like, said by an image-text model or by rule, as features",
    paper="arXiv:2411.16789",
    trial="slp_llm.trials:sign_description",
)
