"""A decoder that reads glosses off the signs, and another that translates the glosses."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from attrs import evolve
from torch import Tensor, nn

from slp_core.batch import Tokens
from slp_core.build import build_inner
from slp_core.context import Context
from slp_core.ctc import UNKNOWN, Transcriber, Transcript
from slp_core.errors import UserError
from slp_core.manifest import Row
from slp_core.parts import Decoder, Translation
from slp_core.sequence import Sequence
from slp_llm.decoders.cascade.noise import corrupted
from slp_llm.decoders.cascade.spec import CascadeConfig

GLOSSES = "glosses"  #: the token ids of a row's glosses, classes of what `first` reads


class Cascade(Decoder):
    """Translates ``b t d`` by way of text: ``first`` reads a column of the manifest off the
    signs, ``then`` translates what was read (SignBind-LLM, arXiv:2509.00030, whose first is CTC
    over pseudo-glosses and whose second a causal language model with a low-rank update).

    Each is trained by itself: ``first`` by the objective ``ctc`` on ``decoder.first``, ``then`` by
    ``cross-entropy``, from the column to the text, with the errors of ``noise`` in the column's
    words. The second sees no signs in training, nor the column in translation. Words that
    ``first`` cannot say ``then`` does not read either.

    Raises:
        UserError: ``first`` reads no column, ``then`` no text, or either cannot be built.
    """

    config: CascadeConfig
    reads_signs = False

    def __init__(self, config: CascadeConfig, context: Context = Context()) -> None:  # noqa: B008
        super().__init__(config, context)
        where = context.path or "decoder"
        first = build_inner(config.first, context, "first")
        if not isinstance(first, Transcriber):
            raise UserError(f'{where}.first: the decoder "{config.first.name}" reads no column off')
        self.first: Any = first
        glosses = [] if context.train is None else context.train.column(first.column)
        texts = tuple(self._text(self._classes(one)) for one in glosses)
        then = build_inner(config.then, context, "then", inputs=None, texts=texts)
        if type(then).read_text is Decoder.read_text:
            raise UserError(f'{where}.then: the decoder "{config.then.name}" reads no text')
        self.then: Any = then

    # -- what the pipeline asks of a part -------------------------------------------------

    def sizes(self) -> dict[str, int]:
        """Of what ``first`` reads."""
        return self.first.sizes()

    def subparts(self) -> dict[str, Iterable[nn.Parameter]]:
        """``first`` and ``then``, and the groups of each below it: ``then.lora``."""
        return {
            ".".join(words): group
            for name in ("first", "then")
            for inner in [getattr(self, name)]
            for words, group in [
                ((name,), inner.parameters()),
                *(((name, below), group) for below, group in inner.subparts().items()),
            ]
        }

    def save_assets(self, folder: Path) -> None:
        for name in ("first", "then"):
            (folder / name).mkdir()
            getattr(self, name).save_assets(folder / name)

    # -- text to ids and back ----------------------------------------------------------------

    def encode(self, row: Row, target: str | None) -> dict[str, list[int]]:
        """The token ids of ``then``; with a text to learn, also ``glosses``: the row's column, as
        classes of ``first``, if there is one."""
        tokens = self.then.encode(row, target)
        if target is not None and self.first.column in row.fields:
            tokens[GLOSSES] = self._classes(row.fields[self.first.column])
        return tokens

    def _classes(self, text: str) -> list[int]:
        """What of a text ``first`` can say."""
        return [one for one in self.first.units.encode(text) if one > UNKNOWN]

    def _text(self, classes: Iterable[int]) -> str:
        """Classes as ``then`` reads them."""
        return self._cased(self.first.units.decode(classes))

    def _cased(self, text: str) -> str:
        return text.lower() if self.config.lower else text

    # -- to logits, and to text --------------------------------------------------------------

    def forward(self, inputs: Sequence, tokens: dict[str, Tokens]) -> Tensor:
        """Logits ``b l v`` of ``then``, teacher forced, which reads ``tokens["glosses"]`` in place
        of the ``inputs``; in training with errors, new ones at each call.

        Raises:
            UserError: there are no glosses.
        """
        if GLOSSES not in tokens:
            where = self.context.path or "decoder"
            raise UserError(
                f"{where}.then: learns from the column `{self.first.column}`, which the rows lack"
            )
        glosses, rest = tokens[GLOSSES], _without_glosses(tokens)
        said = [ids[mask].tolist() for ids, mask in zip(glosses.ids, glosses.mask, strict=True)]
        if self.training:
            classes = range(UNKNOWN + 1, len(self.first.units))
            said = [corrupted(one, self.config.noise, classes) for one in said]
        return self.then(self.then.read_text([self._text(one) for one in said]), rest)

    @torch.no_grad()
    def generate(
        self,
        inputs: Sequence,
        tokens: dict[str, Tokens],
        *,
        alternatives: int = 0,
        **options: Any,
    ) -> list[Translation]:
        """Read ``inputs``, and translate what was read. ``options`` are of ``then``.

        A translation's confidence is the geometric mean of all probabilities that led to it:
        (P(glosses | signs) P(text | glosses)) ^ 1 / (g + l) with g glosses and l pieces of text;
        0 where no gloss was read. ``transcripts`` holds the glosses. ``alternatives`` are of
        ``then``: other texts for the same glosses.
        """
        read = self.first.transcribe(inputs)
        steps = self.then.read_text([self._cased(one.text) for one in read])
        options["alternatives"] = alternatives
        said = self.then.generate(steps, _without_glosses(tokens), **options)
        return [self._by_way_of(glosses, one) for one, glosses in zip(said, read, strict=True)]

    def _by_way_of(self, glosses: Transcript, said: Translation) -> Translation:
        """What ``then`` said of the glosses, and the alternatives, as translations of the signs."""
        return evolve(
            said,
            confidence=_confidence(glosses.probability, self._length(glosses.text), said),
            transcripts={self.first.context.path: glosses.text, **said.transcripts},
            alternatives=tuple(self._by_way_of(glosses, one) for one in said.alternatives),
        )

    def _length(self, text: str) -> int:
        return len(self.first.units.encode(text))


def _without_glosses(tokens: dict[str, Tokens]) -> dict[str, Tokens]:
    return {name: ids for name, ids in tokens.items() if name != GLOSSES}


def _confidence(probability: float, glosses: int, said: Translation) -> float:
    """``probability``: of all the glosses; the translation's own is a geometric mean already."""
    if not glosses or not probability or not said.confidence:
        return 0.0
    pieces = max(1, len(said.tokens))
    whole = math.log(probability) + pieces * math.log(said.confidence)
    return math.exp(whole / (glosses + pieces))
