"""A decoder that reads a column off its steps: the likeliest class of each, by CTC."""

from __future__ import annotations

from attrs import frozen
from torch import nn

from slp_core.ctc import Transcriber, Units
from slp_core.parts import Decoder, Translation
from slp_core.spec import ComponentSpec
from slp_core.tensortype import TEXT, Size


@frozen
class ReaderConfig:
    target: str = "gloss"
    dim: int = 16


def signature(config, inputs):
    inputs.expect("b t d", d=Size(config.dim, "dim"))
    return TEXT


SPEC = ComponentSpec("decoder", ReaderConfig, "tiny_reader:Reader", signature)


class Reader(Decoder, Transcriber):
    def __init__(self, config, context):
        super().__init__(config, context)
        self.column = config.target
        if context.assets is None:
            self.units = Units.learn(context.train.column(self.column))
        else:
            self.units = Units.load(context.assets)
        self.head = nn.Linear(config.dim, len(self.units))

    def sizes(self):
        return {"d": self.config.dim}

    def save_assets(self, folder):
        self.units.save(folder)

    def encode(self, row, target):
        return {}

    def logits(self, steps):
        return self.head(steps.values)

    def forward(self, inputs, tokens):
        return self.logits(inputs)

    def generate(self, inputs, tokens, **options):
        return [Translation(one.text, one.probability) for one in self.transcribe(inputs)]
