"""The interfaces: what an encoder, tokenizer, mapper, fusion, decoder or objective must be.

Every part is a :class:`Part`, an ``nn.Module`` made from its configuration and a
:class:`~slp_core.context.Context`. Masks are honoured everywhere: padding a batch never changes
a sample's result.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Iterable, Iterator
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from attrs import evolve, field, frozen
from torch import Tensor, nn

from slp_core.batch import Batch, Tokens
from slp_core.context import Context
from slp_core.display import translation_html
from slp_core.errors import UserError
from slp_core.manifest import Row
from slp_core.recipe import Precision
from slp_core.sequence import Sequence

if TYPE_CHECKING:
    from slp_core.features import ExtractionProgress
    from slp_core.pipeline import Pipeline, Trace
    from slp_core.signals import Processor


class Part(nn.Module):
    """What a recipe names."""

    def __init__(self, config: Any, context: Context = Context()) -> None:  # noqa: B008 (frozen)
        super().__init__()
        self.config = config
        self.context = context

    def sizes(self) -> dict[str, int]:
        """Sizes that only this instance can tell, weights loaded: ``{"d": 768}``.

        Of the output for encoders and tokenizers, of the input for decoders."""
        return {}

    def subparts(self) -> dict[str, Iterable[nn.Parameter]]:
        """Groups of parameters a stage may name behind the part: ``decoder.lora``."""
        return {}

    def gauges(self) -> dict[str, float]:
        """Numbers to log beside the losses while it is trained: ``{"perplexity": 41.3}``."""
        return {}

    def fit(self, inputs: Iterable[Sequence]) -> dict[str, Any]:
        """Fit in closed form to what comes in from the training rows (a stage's ``fit``).

        ``inputs``: batches in the order of the manifest, without gradient. What is learnt lives
        in parameters and buffers of fixed shape, so that weights load strictly; what is returned
        is recorded beside the stage as JSON.

        Raises:
            UserError: it is no part that can be fitted.
        """
        raise UserError(
            f"{self.context.path or type(self).__name__}: cannot be fitted in closed form; name it "
            "in a stage's `train`"
        )

    def save_assets(self, folder: Path) -> None:
        """Write what is no tensor (tokenizer, model configuration) into ``folder``.

        ``context.assets`` is that folder when the pipeline is opened again, and the part then
        builds itself from it alone: no network, no training rows."""


@frozen
class ReceptiveField:
    """Which steps of the input each step of the output is made of: ``window`` of them, the next
    one ``stride`` further on. ``tail``: steps behind the last full window are filled up with the
    last one ("repeat"), or dropped ("drop")."""

    window: int = 1
    stride: int = 1
    tail: Literal["repeat", "drop"] = "repeat"


class Encoder(Part):
    """Signal to sequence: ``b t ...`` to ``b t' d``."""

    #: None where a step may see the whole clip. Otherwise long clips are encoded in pieces: a
    #: window by itself, as a clip of ``window`` steps, gives the same step.
    receptive_field: ReceptiveField | None = None

    @abstractmethod
    def forward(self, inputs: Sequence) -> Sequence: ...

    def processor(self) -> Processor:
        """What reads files for this encoder where nobody says.

        Raises:
            UserError: it can be read for in many ways.
        """
        raise UserError(
            f"{type(self).__name__}: say which processor reads the files: extract(files, processor)"
        )

    def extract(
        self,
        files: Iterable[str | Path],
        processor: Processor | None = None,
        *,
        precision: Precision = "float32",
        folder: Path | str = "features",
        progress: ExtractionProgress | None = None,
    ) -> Iterator[tuple[str, Tensor]]:
        """Encode files, or find them encoded in the feature cache ``folder``: each with its
        features ``t d``. A bar is shown where nothing else is told the ``progress``.

        Raises:
            UserError: a file cannot be read, or nothing reads files for this encoder.
        """
        from slp_core.features import open_store

        store = open_store(Path(folder))
        return store.encode(self, files, processor or self.processor(), precision, progress)


class Tokenizer(Part):
    """Sequence to codes: ``b t d`` to quantised ``b t d`` with ``codes`` set (``b t``)."""

    @abstractmethod
    def forward(self, inputs: Sequence) -> Sequence: ...


class Mapper(Part):
    """Sequence to sequence: ``b t d`` to ``b t' d'``."""

    @abstractmethod
    def forward(self, inputs: Sequence) -> Sequence: ...


class Fusion(Part):
    """Several streams to one sequence."""

    @abstractmethod
    def forward(self, streams: dict[str, Sequence]) -> Sequence: ...

    def shares(self, streams: dict[str, Sequence]) -> dict[str, Sequence]:
        """How much of what goes on is each stream's, at every step: ``b t`` in [0, 1] by name, on
        one clock. Together at most one: the rest is nobody's. Empty where that cannot be told."""
        return {}


@frozen
class Note:
    """What a plugin found in a translation: ``about`` ("names") says what it looked at,
    ``message`` what it found, ``offer`` the whole text as the plugin would have it, if another."""

    about: str
    message: str
    offer: str | None = None


@frozen
class Translation:
    """A sentence and what it is worth.

    ``tokens``: the pieces with the probability the model gave each; ``confidence``: the
    geometric mean of those probabilities, uncalibrated: it ranks, it does not promise.
    ``transcripts``: what was read on the way, by the path of the part that read it
    (``{"streams.fingerspelling.mapper": "ANNA"}``).
    ``expected``: the quality, in [0, 1], that translations of this confidence had on validation;
    None where the pipeline is not calibrated, or not for the settings it was decoded with.
    ``alternatives``: what else the search found, the best first, other texts each; they have a
    text, a confidence and tokens of their own.
    """

    text: str
    confidence: float
    tokens: tuple[tuple[str, float], ...] = field(default=(), repr=False)
    transcripts: dict[str, str] = field(factory=dict, repr=False)
    expected: float | None = None
    notes: tuple[Note, ...] = field(default=(), repr=False)
    alternatives: tuple[Translation, ...] = field(default=(), repr=False)

    @property
    def probability(self) -> float:
        """Of all its tokens, one after the other: P(text | what the decoder read)."""
        return prod(worth for _, worth in self.tokens)

    @classmethod
    def best(cls, found: Iterable[Translation]) -> Translation:
        """The first of what a search ``found``, with the others as its alternatives; of those with
        one text, the first alone."""
        texts: dict[str, Translation] = {}
        for one in found:
            texts.setdefault(one.text, one)
        first, *others = texts.values()
        return evolve(first, alternatives=tuple(others))

    def _repr_html_(self) -> str:
        return translation_html(self)

    def is_below(self, quality: float | None) -> bool:
        """Whether less than ``quality`` is known to be expected."""
        return quality is not None and self.expected is not None and self.expected < quality


class Decoder(Part):
    """Sequence to text."""

    #: whether :meth:`forward` looks at its ``inputs``; a decoder that learns from the text of a
    #: column alone does not, and stages that train it need no signal
    reads_signs: bool = True

    @abstractmethod
    def encode(self, row: Row, target: str | None) -> dict[str, list[int]]:
        """Token ids of a row: its prompts, and the ``labels`` of the text ``target`` if any."""

    @abstractmethod
    def forward(self, inputs: Sequence, tokens: dict[str, Tokens]) -> Tensor:
        """Logits ``b l v``, teacher forced: position ``l`` scores ``tokens["labels"]`` at l."""

    @abstractmethod
    def generate(
        self,
        inputs: Sequence,
        tokens: dict[str, Tokens],
        *,
        alternatives: int = 0,
        **options: Any,
    ) -> list[Translation]:
        """Translate. ``options`` are Hugging Face generation settings (``num_beams``).

        ``alternatives``: at most so many of them with each translation, which is the same however
        many are asked for; none where the search follows one hypothesis alone."""

    def text_embeddings(self, tokens: dict[str, Tokens]) -> Sequence:
        """``b l d``: the reference text (its end too, the prompt not) as the language model
        embeds it, for objectives that align signs with text.

        Raises:
            UserError: this decoder embeds no text.
        """
        raise UserError(
            f"{self.context.path or type(self).__name__}: has no text embeddings to align with"
        )

    def read_text(self, texts: Iterable[str]) -> Sequence:
        """``b`` texts as ``b t d``, to be given where signs would be: the model reads them as it
        reads its own tokens. A text of no token is its end alone, so that ``t`` is at least one.

        Raises:
            UserError: this decoder reads no text.
        """
        raise UserError(f"{self.context.path or type(self).__name__}: reads no text")

    def encoded(self, inputs: Sequence, tokens: dict[str, Tokens]) -> tuple[Sequence, Sequence]:
        """``b t d`` and ``b l d``: what the language model's encoder makes of the signs, as for
        translating, and of the reference text. The text goes through the encoder as it was
        before it was adapted (without its low-rank update), for signs to learn to say what a text
        says to it.

        Raises:
            UserError: this decoder has no encoder.
        """
        raise UserError(f"{self.context.path or type(self).__name__}: has no encoder of text")

    def nearest_words(self, steps: Tensor) -> list[str]:
        """``n d`` to ``n`` words: of each step, the piece of the vocabulary whose embedding, as
        :meth:`text_embeddings` gives it, is nearest by Euclidean distance. Pieces that are no text
        (the end, padding) are no words. For looking at what signs were aligned with.

        Raises:
            UserError: this decoder embeds no text.
        """
        raise UserError(
            f"{self.context.path or type(self).__name__}: has no text embeddings to look words up "
            "in"
        )


class Objective(Part):
    """A loss over what the pipeline computed.

    ``on`` is the part it looks at and ``target`` the manifest column, both from the recipe.
    """

    on: str = "decoder"
    target: str = "text"

    def encode(self, row: Row, pipeline: Pipeline) -> dict[str, list[int]]:
        """Token ids it needs from a row, if any; padded into ``batch.tokens``."""
        return {}

    def reads(self, pipeline: Pipeline) -> Collection[str] | None:
        """The paths of the parts whose steps it looks at, where "decoder" stands for what goes
        into the decoder; None: it may look at all. Only what leads to those of a stage's
        objectives is run. Where there are none, no signal is read: rows need none."""
        return None

    @abstractmethod
    def count(self, batch: Batch) -> int:
        """How many items (tokens, samples) the loss of this batch is summed over."""

    @abstractmethod
    def forward(self, pipeline: Pipeline, trace: Trace, batch: Batch) -> Tensor:
        """The loss summed over those items; the trainer divides by the count over the whole
        accumulated batch of all processes, so that neither changes the gradient."""
