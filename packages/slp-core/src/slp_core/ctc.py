"""Reading a column of the manifest off a sequence, step by step: connectionist temporal
classification (CTC; Graves et al., ICML 2006). What experts, objectives and decoders share of it.

An alignment is a class for every step; what it says are its classes without repeats and blanks.
P(said | steps) is the sum over all alignments that say it of the product of their steps'
probabilities (equation 3).
"""

from __future__ import annotations

import heapq
import json
import math
from abc import abstractmethod
from collections import Counter
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path
from typing import Literal

import torch
from attrs import asdict, frozen
from torch import Tensor
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence

from slp_core.context import Context
from slp_core.errors import UserError
from slp_core.files import write_text
from slp_core.parts import Part
from slp_core.sequence import Sequence, lengths_to_mask
from slp_core.units import UnitsConfig

BLANK, UNKNOWN = 0, 1  #: classes; the units of a column follow
FILE = "units.json"

_Texts = dict[tuple[int, ...], tuple[float, float]]  # log P: ending in a blank, and in a unit


@frozen
class Units:
    """What a column is written in: words between blanks, or characters.

    Class 0 is CTC's blank, class 1 stands for what training never saw, the others are ``known``.
    ``words``: those that training wrote in characters, sorted.
    """

    kind: Literal["word", "char"]
    known: tuple[str, ...]
    words: tuple[str, ...] = ()

    def __len__(self) -> int:
        return 2 + len(self.known)

    @classmethod
    def learn(
        cls,
        texts: Iterable[str],
        kind: Literal["word", "char"] = "word",
        size: int = 8000,
        min_count: int = 1,
    ) -> Units:
        """The most frequent units of ``texts``, ties in order of spelling; ``size`` of them at
        most, and none that occurs less than ``min_count`` times."""
        texts = [*texts]
        counts = Counter(unit for text in texts for unit in _split(text, kind))
        kept = [unit for unit, count in counts.items() if count >= min_count]
        known = tuple(sorted(kept, key=lambda unit: (-counts[unit], unit))[:size])
        words = {word for text in texts for word in text.split()} if kind == "char" else ()
        return cls(kind, known, tuple(sorted(words)))

    @classmethod
    def of(cls, config: UnitsConfig, column: str, context: Context) -> Units:
        """A part's own, where a pipeline is opened again; else those of the training rows.

        Raises:
            UserError: there are no training rows, or nothing to learn in them.
        """
        if context.assets is not None:
            return cls.load(context.assets)
        where = context.path or "a part that reads by CTC"
        if context.train is None:
            raise UserError(
                f"{where}: the units of the column `{column}` are learnt from the training rows, "
                "and there are none yet; [data] train names them in a recipe, Context(train=...) "
                "in Python"
            )
        units = cls.learn(context.train.column(column), config.units, config.size, config.min_count)
        if not units.known:
            raise UserError(
                f"{where}: the column `{column}` of {context.train.file} holds no {config.units} "
                f"{config.min_count} times; there is nothing to learn to read"
            )
        return units

    def encode(self, text: str) -> list[int]:
        """A text to classes; no blank among them."""
        classes = {unit: number for number, unit in enumerate(self.known, start=2)}
        return [classes.get(unit, UNKNOWN) for unit in _split(text, self.kind)]

    def decode(self, classes: Iterable[int]) -> str:
        """Classes to a text; nothing is written for blanks and for what training never saw."""
        units = [self.known[one - 2] for one in classes if one > UNKNOWN]
        return (" " if self.kind == "word" else "").join(units)

    def save(self, folder: Path) -> None:
        write_text(folder / FILE, json.dumps(asdict(self), ensure_ascii=False, indent=1) + "\n")

    @classmethod
    def load(cls, folder: Path) -> Units:
        table = json.loads((folder / FILE).read_text(encoding="utf-8"))
        return cls(table["kind"], tuple(table["known"]), tuple(table.get("words", ())))


def _split(text: str, kind: str) -> list[str]:
    return text.split() if kind == "word" else list(text.strip())


def collapse(path: Iterable[int]) -> list[int]:
    """A class for every step to what it says: repeats once, blanks not at all."""
    return [one for one, _ in groupby(path) if one != BLANK]


def log_likelihood(
    log_probs: Tensor, lengths: Tensor, said: Tensor, said_lengths: Tensor
) -> Tensor:
    """``b`` log P(said | steps), with gradient; minus infinity where the steps are too few.

    ``log_probs``: ``b t u``, normalised, of which ``lengths`` (``b``) steps are looked at;
    ``said``: ``b l`` classes, of which ``said_lengths`` (``b``)."""
    return -F.ctc_loss(
        log_probs.transpose(0, 1), said, lengths, said_lengths, blank=BLANK, reduction="none"
    )


def least_steps(said: Tensor, said_lengths: Tensor) -> Tensor:
    """``b`` steps that it takes to say the classes ``b l``: one each, and a blank between equal
    neighbours."""
    valid = lengths_to_mask(said_lengths, said.shape[1])
    return said_lengths + ((said[:, 1:] == said[:, :-1]) & valid[:, 1:]).sum(1)


def greedy(log_probs: Tensor, mask: Tensor) -> list[tuple[list[int], float]]:
    """Best path decoding: what the likeliest alignment says, and the log-probability of that
    alignment alone, for every sample.

    ``log_probs``: ``b t u``, normalised; ``mask``: ``b t``, True at valid steps."""
    worth, path = log_probs.detach().double().max(-1)  # (b, t)
    worth = worth.masked_fill(~mask, 0).sum(1)
    return [
        (collapse(one[:length]), total)
        for one, length, total in zip(
            path.tolist(), mask.sum(1).tolist(), worth.tolist(), strict=True
        )
    ]


def beam_search(log_probs: Tensor, mask: Tensor, beams: int = 8) -> list[tuple[list[int], float]]:
    """Prefix beam search (Hannun et al., arXiv:1408.2873, without a language model): the likeliest
    text found, and its log-probability summed over the alignments found, for every sample.

    After each step the ``beams`` likeliest texts are kept. A text is continued by the
    ``beams + 1`` likeliest classes of a step and by those that lead to a text that is kept
    already: others would not be among the kept ones. With enough beams the likeliest of all
    texts is found, with all of its alignments.

    ``log_probs``: ``b t u``, normalised; ``mask``: ``b t``, True at valid steps."""
    return [texts[0] for texts in n_best(log_probs, mask, beams)]


def n_best(log_probs: Tensor, mask: Tensor, beams: int = 8) -> list[list[tuple[list[int], float]]]:
    """All ``beams`` texts that :func:`beam_search` is left with, the likeliest first."""
    found = []
    for sample, valid in zip(log_probs.detach().double().cpu(), mask.cpu(), strict=True):
        steps = sample[valid]  # (t, u)
        likeliest = steps[:, 1:].topk(min(beams + 1, steps.shape[1] - 1)).indices + 1
        found.append(_search(steps.tolist(), likeliest.tolist(), beams))
    return found


def _search(
    steps: list[list[float]], likeliest: list[list[int]], beams: int
) -> list[tuple[list[int], float]]:
    """The beam search over one sample. A text is a tuple of classes."""
    kept: _Texts = {(): (0.0, -math.inf)}
    for here, classes in zip(steps, likeliest, strict=True):
        total = {text: _add(*ends) for text, ends in kept.items()}
        after: _Texts = {}
        for text, (_, unit) in kept.items():
            spoken = -math.inf
            if text:
                came = _coming(text[:-1], text[-1], kept, total)
                spoken = _add(unit, came) + here[text[-1]]
            after[text] = total[text] + here[BLANK], spoken
        for text in kept:
            for one in classes:
                if (longer := (*text, one)) not in kept:
                    after[longer] = -math.inf, _coming(text, one, kept, total) + here[one]
        best = heapq.nlargest(beams, after.items(), key=lambda item: _add(*item[1]))
        kept = dict(best)
    worth = {text: _add(*ends) for text, ends in kept.items()}
    return [([*text], worth[text]) for text in sorted(worth, key=worth.__getitem__, reverse=True)]


def _coming(
    text: tuple[int, ...],
    one: int,
    kept: _Texts,
    total: dict[tuple[int, ...], float],
) -> float:
    """log P of the alignments of ``text`` that the class ``one`` would make longer: a repeat of
    the last one needs a blank before it."""
    if text not in kept:
        return -math.inf
    return kept[text][0] if text[-1:] == (one,) else total[text]


def _add(one: float, other: float) -> float:
    """log(exp(one) + exp(other))."""
    least, most = sorted((one, other))
    return most if least == -math.inf else most + math.log1p(math.exp(least - most))


def unit_probabilities(log_probs: Tensor, said: list[int]) -> list[float]:
    """P(class | the classes before it, steps) of each of the ``n`` classes said, and that nothing
    follows them: ``n + 1`` numbers whose product is P(said | steps).

    P(text begins so) is summed as in Graves' prefix search (Supervised Sequence Labelling with
    Recurrent Neural Networks, section 7.5.2). ``log_probs``: ``t u`` of one sample's valid
    steps."""
    steps = log_probs.detach().double().cpu()
    classes = torch.tensor(said, dtype=torch.long)  # (n)
    repeats = classes == torch.tensor([BLANK, *said])[:-1]
    unit = torch.full((len(said) + 1,), -math.inf, dtype=torch.float64)
    blank = unit.index_fill(0, torch.tensor(0), 0.0)  # log P of alignments that end so, (n + 1)
    begun = blank
    for here in steps:
        total = torch.logaddexp(blank, unit)
        spoken = torch.where(repeats, blank[:-1], total[:-1]) + here[classes]  # for the first time
        unit = F.pad(torch.logaddexp(unit[1:] + here[classes], spoken), (1, 0), value=-math.inf)
        begun = torch.logaddexp(begun, F.pad(spoken, (1, 0), value=-math.inf))
        blank = total + here[BLANK]
    whole = torch.logaddexp(blank, unit)[-1:]
    return torch.cat([begun, whole]).diff().exp().tolist()


@frozen
class Transcript:
    """What was read off one sample, and P(said | steps) as CTC gives it, over all alignments, of
    the classes said, those that write nothing included."""

    text: str
    probability: float


class Transcriber(Part):
    """A part that reads ``column`` off its steps by CTC."""

    column: str  #: of the manifest
    units: Units
    beams: int = 1  #: kept while reading; 1: what the likeliest alignment says

    @abstractmethod
    def logits(self, steps: Sequence) -> Tensor:
        """``b t d`` to ``b t u``, unnormalised, ``u`` classes of ``units``, the blank first.

        ``steps``: what the part gave (a mapper), or what came into it (a decoder)."""

    def log_probs(self, steps: Sequence) -> Tensor:
        """``b t u``: the logarithms of the classes' probabilities, in float32."""
        return self.logits(steps).float().log_softmax(-1)

    @torch.no_grad()
    def transcribe(self, steps: Sequence) -> list[Transcript]:
        """Read every sample of ``steps``, as :meth:`logits` takes them: greedily, or with
        ``beams``. Nothing is read off no steps."""
        log_probs = self.log_probs(steps)
        said = read(log_probs, steps.mask, self.beams)
        lengths = torch.tensor([len(one) for one in said])
        classes = pad_sequence([torch.tensor(one, dtype=torch.long) for one in said], True)
        worth = log_likelihood(
            log_probs.double().cpu(), steps.lengths.cpu(), classes, lengths
        ).exp()
        return [
            Transcript(self.units.decode(one), p)
            for one, p in zip(said, worth.tolist(), strict=True)
        ]


def read(log_probs: Tensor, mask: Tensor, beams: int = 1) -> list[list[int]]:
    """The classes said by every sample, by :func:`greedy` (one beam) or :func:`beam_search`."""
    found = greedy(log_probs, mask) if beams == 1 else beam_search(log_probs, mask, beams)
    return [said for said, _ in found]
