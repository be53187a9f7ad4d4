"""A small pipeline for objectives to be tried on: linear layers, and a decoder that spells."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from slp_core.batch import Tokens
from slp_core.check import Plan
from slp_core.context import Context
from slp_core.manifest import Row
from slp_core.parts import Decoder, Encoder, Mapper, Part, Translation
from slp_core.pipeline import Pipeline
from slp_core.recipe import Data, FusionUse, Header, Recipe, Source, Stream, Use
from slp_core.sequence import Sequence

WIDTH = 12
LETTERS = 30  #: ids of the speller: 0 the end, 1 a blank and what is no letter, then letters


class Linear(Encoder, Mapper):
    """``b t d`` to ``b t d``, a linear layer a step."""

    def __init__(self) -> None:
        super().__init__(None)
        self.linear = nn.Linear(WIDTH, WIDTH)

    def forward(self, inputs: Sequence) -> Sequence:
        return inputs.with_steps(self.linear(inputs.steps))


class Speller(Decoder):
    """Spells a text letter by letter, each from the one before and the mean of the steps."""

    def __init__(self, context: Context = Context()) -> None:  # noqa: B008 (frozen)
        super().__init__(None, context)
        self.letters = nn.Embedding(LETTERS, WIDTH)
        self.encoder = nn.Linear(WIDTH, WIDTH)
        self.head = nn.Linear(WIDTH, LETTERS)

    def sizes(self) -> dict[str, int]:
        return {"d": WIDTH}

    def encode(self, row: Row, target: str | None) -> dict[str, list[int]]:
        if target is None:
            return {}
        places = ["abcdefghijklmnopqrstuvwxyz".find(letter) for letter in target.lower()]
        return {"labels": [*(2 + place if place >= 0 else 1 for place in places), 0]}

    def forward(self, inputs: Sequence, tokens: dict[str, Tokens]) -> Tensor:
        before = tokens["labels"].ids.roll(1, dims=1)  # (b, l)
        before[:, 0] = 0
        return self.head(self.letters(before) + self._mean(inputs)[:, None])  # (b, l, v)

    def generate(
        self, inputs: Sequence, tokens: dict[str, Tokens], **options: Any
    ) -> list[Translation]:
        worth, ids = self.head(self._mean(inputs)).softmax(-1).max(-1)
        return [Translation(str(int(n)), float(p)) for n, p in zip(ids, worth, strict=True)]

    def text_embeddings(self, tokens: dict[str, Tokens]) -> Sequence:
        labels = tokens["labels"]
        rate = torch.full((len(labels.ids),), torch.nan, device=labels.ids.device)
        return Sequence(self.letters(labels.ids), labels.mask, rate)

    def read_text(self, texts: Iterable[str]) -> Sequence:
        rows = [self.encode(Row({}, None, 0), text)["labels"] for text in texts]  # type: ignore[arg-type]
        ids = [torch.tensor(one) for one in rows]
        return Sequence.pad([self.letters(one) for one in ids], [torch.nan] * len(ids))

    def encoded(self, inputs: Sequence, tokens: dict[str, Tokens]) -> tuple[Sequence, Sequence]:
        texts = self.text_embeddings(tokens)
        signs, said = inputs.with_steps(self.encoder(inputs.steps)), self.encoder(texts.steps)
        return signs, texts.with_steps(said)

    def nearest_words(self, steps: Tensor) -> list[str]:
        return [str(int(n)) for n in torch.cdist(steps, self.letters.weight).argmin(1)]

    def _mean(self, inputs: Sequence) -> Tensor:
        values = inputs.with_steps(inputs.steps).values
        return values.sum(1) / inputs.lengths.clamp(min=1)[:, None]


def stand_in(parts: Mapping[str, Part] | None = None, signs: bool = True) -> Pipeline:
    """A pipeline of one stream, "signs", with an encoder and a mapper of ``WIDTH``, and a decoder.

    ``parts``: by path, what stands there instead or besides: ``streams.signs.tokenizer``,
    ``fusion``, a stream more. ``signs``: whether there is a stream of that name.
    """
    torch.manual_seed(7)
    made: dict[str, Part] = {"decoder": Speller(), **(parts or {})}
    if signs:
        own = {"streams.signs.encoder": Linear(), "streams.signs.mapper": Linear()}
        made = {**own, **made}
    order = ("streams", "fusion", "mapper", "decoder")
    made = dict(sorted(made.items(), key=lambda one: order.index(one[0].split(".")[0])))
    use, streams = Use("stand-in"), dict[str, Stream]()
    for path in made:
        if path.startswith("streams."):
            name = path.split(".")[1]
            streams[name] = Stream(signal=name, encoder=use)
    recipe = Recipe(
        header=Header("stand-in"),
        data=Data(),
        streams=streams,
        decoder=use,
        source=Source("stand-in", {}, {}),
        fusion=FusionUse(use) if "fusion" in made else None,
    )
    return Pipeline(Plan(recipe, {}, {}, [], None), {}, made).eval()
