"""SignLLM's codebook reconstruction and alignment: characters to words."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from attrs import asdict
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_sequence

from slp_core.context import Context
from slp_core.errors import UserError
from slp_core.parts import Mapper
from slp_core.sequence import Sequence, lengths_to_mask, scattered
from slp_fusion.mappers.cra.candidates import to_characters, to_text
from slp_fusion.mappers.cra.compression import Codes, compress, run_lengths
from slp_fusion.mappers.cra.fitting import fit_words
from slp_fusion.mappers.cra.segmentation import segment
from slp_fusion.mappers.cra.spec import CRAConfig


class CRA(Mapper):
    """``b t d`` with codes to ``b t' d``: runs of a code become characters, these words
    (arXiv:2404.00925, 3.3).

    A character's vector is the mean of its steps', which the gradient reaches evenly; the
    slow-down character's is learnt. The words are learnt by :meth:`fit` and live in buffers:
    ``words`` (``w longest``, characters by number, -1 behind the end and in rows not needed; single
    characters are always words and not listed) and ``alpha``, the mean run length. Before that
    every character is a word and none is slow.
    """

    config: CRAConfig
    words: Tensor
    alpha: Tensor

    def __init__(self, config: CRAConfig, context: Context = Context()) -> None:  # noqa: B008
        super().__init__(config, context)
        if context.inputs is None or "vocabulary" not in context.inputs.sizes:
            raise UserError(
                "cra is built with Context(inputs=TensorType(...)), what it reads: its width `d` "
                "and the `vocabulary` of its codes"
            )
        width = context.inputs.known("d")
        self.slow = context.inputs.known("vocabulary")  #: number of the slow-down character
        self.slow_vector = nn.Parameter(torch.zeros(width))
        self.gru = nn.GRU(width, width, batch_first=True) if config.embed == "gru" else None
        shape = (config.candidates, config.longest)
        self.register_buffer("words", torch.full(shape, -1, dtype=torch.int32))
        self.register_buffer("alpha", torch.tensor(torch.inf))
        self.known: frozenset[str] = frozenset()  #: ``words``, to look up
        self.register_load_state_dict_post_hook(_after_loading)

    def forward(self, inputs: Sequence) -> Sequence:
        """
        Raises:
            UserError: what comes in has no codes.
        """
        clips = self._codes(inputs)
        characters = [self.compress(codes) for codes in clips]
        words = [self.segment(one) for one in characters]
        vectors = self._character_vectors(inputs.steps, clips, characters)  # (c, d), of all clips
        vectors = self._word_vectors(vectors, [len(word) for one in words for word in one])
        mask = lengths_to_mask(torch.tensor([len(one) for one in words], device=vectors.device))
        rate = torch.full_like(inputs.rate, torch.nan)
        return Sequence(scattered(vectors, mask), mask, rate)

    def compress(self, codes: Codes) -> Codes:
        """``t`` codes to ``c`` characters."""
        return compress(codes, float(self.alpha), self.slow)

    def segment(self, characters: Codes) -> list[str]:
        """``c`` characters to the words they are parted into."""
        return segment(to_text(characters), self.known, self.config.longest)

    def _codes(self, inputs: Sequence) -> list[Codes]:
        """The codes of each sample, without padding."""
        if inputs.codes is None:
            where = self.context.path or "cra"
            raise UserError(f"{where}: there are no codes; cra stands behind a tokenizer")
        codes, lengths = inputs.codes.cpu().numpy(), inputs.lengths.tolist()
        return [one[:length] for one, length in zip(codes, lengths, strict=True)]

    def _character_vectors(
        self, steps: Tensor, clips: list[Codes], characters: list[Codes]
    ) -> Tensor:
        """``n d``, the steps of all clips, to ``c d``, their characters."""
        lengths = np.concatenate([run_lengths(codes)[1] for codes in clips])
        means = averaged(steps.to(self.slow_vector), torch.from_numpy(lengths))  # (r, d)
        runs = torch.from_numpy(np.concatenate(characters) != self.slow).to(means.device)  # (c)
        return self.slow_vector.expand(len(runs), -1).masked_scatter(runs[:, None], means)

    def _word_vectors(self, characters: Tensor, lengths: list[int]) -> Tensor:
        """``c d`` to ``w d``. ``lengths``: characters of each word."""
        if self.gru is None:
            return averaged(characters, torch.tensor(lengths, dtype=torch.long))
        packed = pack_sequence(characters.split(lengths), enforce_sorted=False)
        return self.gru(packed)[1][0]

    @torch.no_grad()
    def fit(self, inputs: Iterable[Sequence]) -> dict[str, Any]:
        """Learn alpha and the words from the training clips.

        What is returned is for the report: :class:`~slp_fusion.mappers.cra.facts.Facts`.

        Raises:
            UserError: there are no codes, or no clips.
        """
        sequences = [codes for batch in inputs for codes in self._codes(batch) if len(codes)]
        if not sequences:
            raise UserError(f"{self.context.path or 'cra'}: there are no training clips to fit to")
        fitted = fit_words(sequences, self.slow, self.config)
        self.alpha.fill_(fitted.alpha)
        self.words.fill_(-1)
        for row, word in zip(self.words, fitted.words, strict=False):
            row[: len(word)] = torch.tensor(to_characters(word))
        self._read_words()
        return asdict(fitted.facts)

    def _read_words(self) -> None:
        rows = ([one for one in row if one >= 0] for row in self.words.tolist())
        self.known = frozenset(to_text(row) for row in rows if row)


def _after_loading(part: CRA, _: Any) -> None:
    part._read_words()


def averaged(values: Tensor, lengths: Tensor) -> Tensor:
    """``n d`` to ``g d``: the means of groups that follow each other, ``lengths`` (``g``) values
    each."""
    lengths = lengths.to(values.device)
    groups = torch.arange(len(lengths), device=values.device).repeat_interleave(lengths)  # (n)
    sums = values.new_zeros(len(lengths), values.shape[1]).index_add(0, groups, values)
    return sums / lengths[:, None]
