"""Who describes frames: rules that look at a pose, or an image-text model that looks at a film."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from slp_core.check import configured
from slp_core.context import Context
from slp_core.errors import UserError
from slp_core.files import remembered_hash
from slp_core.recipe import Use
from slp_core.signals import Clip, Processor, Signal
from slp_llm.annotators.sign_description.spec import SignDescriptionConfig


class Describer(Protocol):
    """Says what frames look like."""

    @property
    def identity(self) -> dict[str, str | int]:
        """What a description depends on beside the file."""

    def read(self, source: Path) -> Signal:
        """A whole file, a step a frame. Raises: SignalError."""

    def describe(self, signal: Signal, frames: Sequence[int]) -> Iterator[str]:
        """A description of each of these frames, in order."""

    def provenance(self) -> dict[str, str]:
        """Versions of what describes."""


class PoseDescriber:
    """The rules of :mod:`~slp_llm.annotators.sign_description.phrases`, on what the ``pose``
    processor reads: the 178 points of a reduced MediaPipe Holistic."""

    VERSION = 1  #: of the rules

    @property
    def identity(self) -> dict[str, str | int]:
        return {"rules": self.VERSION}

    @cached_property
    def _processor(self) -> Processor:
        return _processor("pose", coordinates=2)

    def read(self, source: Path) -> Signal:
        return self._processor.read(Clip(str(source)))

    def describe(self, signal: Signal, frames: Sequence[int]) -> Iterator[str]:
        from slp_llm.annotators.sign_description.phrases import POINTS, describe

        values = signal.values.reshape(len(signal.values), POINTS, 3)  # (t, p, (x y seen))
        said = describe(values[..., :2], values[..., 2] > 0, signal.rate)
        return (said[frame] for frame in frames)

    def provenance(self) -> dict[str, str]:
        return {"rules": str(self.VERSION)}


class FilmDescriber:
    """A Hugging Face image-text model that is asked about one frame after another, as MMSLT asks
    LLaVA-OneVision; opened when it is asked first. It answers with the likeliest token at every
    step.

    Raises:
        MissingWeights: the checkpoint is not there.
        UserError: it lacks weights, or its processor has no chat template.
    """

    def __init__(self, config: SignDescriptionConfig) -> None:
        self.config = config

    @property
    def identity(self) -> dict[str, str | int]:
        config = self.config
        return {
            "model": checkpoint_identity(config.model),
            "prompt": config.prompt,
            "max_new_tokens": config.max_new_tokens,
            "size": config.size,
            "dtype": config.dtype,
        }

    @cached_property
    def _processor(self) -> Processor:
        return _processor("video", size=self.config.size)

    def read(self, source: Path) -> Signal:
        return self._processor.read(Clip(str(source)))

    def describe(self, signal: Signal, frames: Sequence[int]) -> Iterator[str]:
        for start in range(0, len(frames), self.config.batch):
            some = frames[start : start + self.config.batch]
            yield from self._answers([signal.values[frame] for frame in some])

    def provenance(self) -> dict[str, str]:
        import transformers

        facts = {"transformers": transformers.__version__}
        opened = self.__dict__.get("_opened")  # nothing is opened to tell its commit
        commit = opened and getattr(opened[0].config, "_commit_hash", None)
        return facts | ({"commit": commit} if commit else {})

    @cached_property
    def _opened(self) -> tuple[Any, Any]:
        """The model and its processor, which writes prompts and prepares pictures."""
        import torch
        from transformers import AutoProcessor

        name, dtype = self.config.model, getattr(torch, self.config.dtype)
        model = open_model(name, "image-text model", "AutoModelForImageTextToText", dtype=dtype)
        processor: Any = AutoProcessor.from_pretrained(name, trust_remote_code=False)
        if not getattr(processor, "chat_template", None):
            raise UserError(
                f'sign-description: model: "{name}" has no chat template to be asked by'
            )
        processor.tokenizer.padding_side = "left"
        return model, processor

    def _answers(self, pictures: list[Any]) -> list[str]:
        """What the model says of pictures ``c h w`` of bytes."""
        import torch

        model, processor = self._opened
        content = [{"type": "image"}, {"type": "text", "text": self.config.prompt}]
        prompt = processor.apply_chat_template(
            [{"role": "user", "content": content}], add_generation_prompt=True
        )
        batch = processor(
            images=[torch.from_numpy(picture) for picture in pictures],
            text=[prompt] * len(pictures), padding=True, return_tensors="pt",
        ).to(model.device, model.dtype)  # fmt: skip
        with torch.inference_mode():
            ids = model.generate(
                **batch, do_sample=False, max_new_tokens=self.config.max_new_tokens
            )
        new = ids[:, batch["input_ids"].shape[1] :]
        said = processor.batch_decode(new, skip_special_tokens=True)
        return [" ".join(one.split()) for one in said]


def open_model(name: str, kind: str, auto: str, **options: Any) -> Any:
    """A checkpoint for use, on the accelerator if there is one.

    Raises:
        MissingWeights: it is not there.
        UserError: it is of another kind, or lacks weights.
    """
    import torch

    from slp_llm.decoders.pretrained import Kind, open_checkpoint, quiet

    with quiet():
        made = Kind(kind, auto, lambda *_: None)  # from a checkpoint, never from scratch
        model, _ = open_checkpoint(name, made, "sign-description", options)
    return model.eval().to("cuda" if torch.cuda.is_available() else "cpu")


def checkpoint_identity(name: str) -> str:
    """A name of the hub; of a folder, its content."""
    return remembered_hash(Path(name)) if Path(name).is_dir() else name


def _processor(name: str, **options: Any) -> Processor:
    _, spec, config = configured("processor", Use(name, options))
    processor: Processor = spec.load()(config, Context(path="sign-description"))
    return processor
