"""A linear layer over steps whose classes are read by CTC."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from slp_core.batch import Tokens
from slp_core.context import Context
from slp_core.ctc import UNKNOWN, Transcriber, Units, greedy, n_best, unit_probabilities
from slp_core.errors import UserError
from slp_core.manifest import Row
from slp_core.parts import Decoder, Translation
from slp_core.sequence import Sequence
from slp_llm.decoders.ctc.spec import CTCDecoderConfig


class CTCDecoder(Decoder, Transcriber):
    """Reads words or letters off ``b t d``, in the order of the steps (connectionist temporal
    classification; Graves et al., ICML 2006). What it knows are the units of the training rows.

    It learns by the objective ``ctc``: there is nothing to force on it as on a language model.

    Raises:
        UserError: no training rows to learn units from, or nothing tells the width.
    """

    config: CTCDecoderConfig

    def __init__(self, config: CTCDecoderConfig, context: Context = Context()) -> None:  # noqa: B008
        super().__init__(config, context)
        self.where = context.path or "decoder"
        self.column, self.beams = config.target or context.target, config.beams
        self.units = Units.of(config, self.column, context)
        self.width = self._width()
        self.head = nn.Linear(self.width, len(self.units))

    def _width(self) -> int:
        if self.config.dim is not None:
            return self.config.dim
        if self.context.inputs is None:
            raise UserError(f"{self.where}: `dim` is needed where no inputs tell it")
        return self.context.inputs.known("d")

    def sizes(self) -> dict[str, int]:
        """The width of the sequences it reads."""
        return {"d": self.width}

    def subparts(self) -> dict[str, Iterable[nn.Parameter]]:
        """``head``: the linear layer, which is all of it."""
        return {"head": self.head.parameters()}

    def save_assets(self, folder: Path) -> None:
        self.units.save(folder)

    def encode(self, row: Row, target: str | None) -> dict[str, list[int]]:
        """``labels``: the classes of the text."""
        return {} if target is None else {"labels": self.units.encode(target)}

    def logits(self, steps: Sequence) -> Tensor:
        return steps.with_steps(self.head(steps.steps)).values

    def forward(self, inputs: Sequence, tokens: dict[str, Tokens]) -> Tensor:
        raise UserError(
            f'{self.where}: the decoder "ctc" has no logits of a text that is given, as language '
            'models have; train it with objectives = [{ use = "ctc" }]'
        )

    def generate(
        self,
        inputs: Sequence,
        tokens: dict[str, Tokens],
        *,
        alternatives: int = 0,
        **options: Any,
    ) -> list[Translation]:
        """Read every sample, with ``num_beams`` or the configuration's ``beams``.

        The tokens are the units said, each with P(unit | those before it, steps), and last "" with
        P(nothing follows them | steps). Their product is P(said | steps). ``alternatives`` are
        other beams, the likeliest first.

        Raises:
            UserError: another option is given.
        """
        log_probs, beams = self.log_probs(inputs), self._beams(options)
        if beams == 1:
            found = [[one] for one in greedy(log_probs, inputs.mask)]
        else:
            found = n_best(log_probs, inputs.mask, beams)
        return [
            Translation.best(
                self._translation(steps[valid], classes) for classes, _ in texts[: 1 + alternatives]
            )
            for steps, valid, texts in zip(log_probs, inputs.mask, found, strict=True)
        ]

    def _beams(self, options: dict[str, Any]) -> int:
        if unknown := [name for name in options if name != "num_beams"]:
            raise UserError(
                f'{self.where}: {", ".join(unknown)}: the decoder "ctc" knows the generation '
                "option num_beams alone"
            )
        beams = options.get("num_beams", self.beams)
        if type(beams) is not int or beams < 1:
            raise UserError(f"{self.where}: num_beams is {beams!r}, 1 or more are expected")
        return beams

    def _translation(self, log_probs: Tensor, said: list[int]) -> Translation:
        """``t u`` and the classes that are read off it."""
        pieces = ["<unk>" if one == UNKNOWN else self.units.decode([one]) for one in said]
        worth = torch.tensor(unit_probabilities(log_probs, said), dtype=torch.float64)
        text = self.units.decode(said)
        return Translation(
            text,
            float(worth.log().mean().exp()),
            tuple(zip([*pieces, ""], worth.tolist(), strict=True)),
            {self.where: text},
        )
