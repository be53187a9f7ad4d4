"""What an evaluation says: scores of the split, of its parts and of the blindness controls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import asdict, field, frozen

from slp_core.errors import UserError
from slp_core.manifest import Row
from slp_core.recipe import Recipe, Use
from slp_train.metrics.base import Metric, Score
from slp_train.metrics.evaluate import default_metrics, make_metric

#: A difference this unlikely to be chance is taken for one.
SIGNIFICANT = 0.05

SHUFFLED = "shuffled signals"
BLANK = "blank signals"
FREQUENT = "most frequent sentence"  #: of training
NEAREST = "nearest sentence"  #: of training, by its signals


@frozen
class Scored:
    """Scores of some hypotheses, by metric."""

    name: str  #: "all", "unseen in training", "shuffled signals"
    samples: int
    scores: dict[str, Score]
    p: float | None = None  #: controls: how likely chance makes them as different by the headline


@frozen
class Prediction:
    """One sample: what it should say, what the model says, and what that is worth."""

    id: str
    reference: str
    hypothesis: str
    confidence: float
    bleu: float  #: of the sentence, with effective order
    chrf: float  #: of the sentence
    seen: bool | None  #: whether the reference is a training sentence; None: not known
    expected: float | None = None  #: the quality to be expected, in [0, 1]; None: not calibrated
    notes: str = ""  #: what plugins found
    offer: str | None = None  #: the text as they would have it, if another


@frozen
class Gap:
    """An expected calibration error, in [0, 1]: how far what is promised is from the quality."""

    error: float
    chance: float  #: what a perfect calibration stays below in 95 of 100 such sets of translations


@frozen
class Kept:
    """What is left where the least sure translations are withheld."""

    coverage: float  #: the share that is kept
    samples: int
    expected: float | None  #: the lowest that is kept: what to reject below
    chrf: float  #: mean sentence chrF


@frozen
class Confidence:
    """What confidence is worth, by the quality of translations: sentence chrF / 100."""

    bins: int  #: of equally many translations, that the errors are of
    raw: Gap  #: of the raw confidence, which promises nothing
    expected: Gap | None  #: of what is expected; None: not calibrated
    in_sample: bool  #: whether the calibration was fitted to these very translations
    kept: list[Kept]


@frozen
class Names:
    """Names that were spelled, as the manifest has them: in how many percent of the samples with
    some the translation has them all, and in how many what is offered has."""

    samples: int
    said: float
    offered: float


@frozen
class Reading:
    """A column that a part read off the signs by CTC: ``accuracy``, 100 (1 - edits / units)."""

    part: str  #: its path
    column: str
    kind: str  #: of the units: "word" or "char"
    units: int  #: in the manifest
    accuracy: float


@frozen
class Evaluation:
    """Scores of one split, with all that is needed to judge them."""

    split: str
    samples: int  #: rows of the split
    scored: int  #: of these, how many could be read
    language: str  #: of the references, "" where nothing says
    metrics: list[Use]  #: as the recipe names them; none: the usual ones
    lower_is_better: list[str]  #: scores that are error rates
    headline: str  #: the score that the controls are judged by
    generation: dict[str, Any]
    whole: Scored
    parts: list[Scored] = field(factory=list)  #: seen and unseen sentences, short and long ones
    controls: list[Scored] = field(factory=list)
    confidence: Confidence | None = None  #: None: too few samples
    names: Names | None = None  #: None: no sample has any
    readings: list[Reading] = field(factory=list)  #: of every part that reads by CTC
    one_lined: int = 0  #: hypotheses whose tabs and line breaks became blanks before scoring
    predictions: list[Prediction] = field(factory=list, repr=False)  #: in a file of their own

    def control(self, name: str) -> Scored | None:
        return next((one for one in self.controls if one.name == name), None)

    def to_json(self) -> dict[str, Any]:
        """Plain values; the predictions are left out."""
        return asdict(self, filter=lambda attribute, _: attribute.name != "predictions")


def uses_signal(evaluation: Evaluation) -> bool | None:
    """Whether the model does better than on shuffled and on blank signals; None: not measured."""
    blind = [one for one in map(evaluation.control, (SHUFFLED, BLANK)) if one is not None]
    return all(_beats(evaluation, one) for one in blind) if blind else None


def _beats(evaluation: Evaluation, control: Scored) -> bool:
    """Whether the model is better than a control, and that is no chance."""
    name = evaluation.headline
    ours, theirs = evaluation.whole.scores[name].value, control.scores[name].value
    better = ours < theirs if name in evaluation.lower_is_better else ours > theirs
    return better and control.p is not None and control.p < SIGNIFICANT


def verdict(evaluation: Evaluation) -> str:
    """What the controls say about the score, in a sentence or two."""
    name = evaluation.headline
    value, rises = evaluation.whole.scores[name].value, name in evaluation.lower_is_better
    blind = [one for one in map(evaluation.control, (SHUFFLED, BLANK)) if one is not None]
    if not blind:
        return "No blindness controls were run: nothing says whether the model uses the signal."
    worth = " and ".join(f"{one.scores[name].value:.1f} on {one.name}" for one in blind)
    if uses_signal(evaluation):
        said = f"{name} {'rises' if rises else 'falls'} from {value:.1f} to {worth}: "
        left = max(one.scores[name].value for one in blind)
        if not rises and left > value / 2 > 0:
            kept = f"{100 * left / value:.0f} %"
            said += f"the model uses the signal, but {kept} of the score does without."
        else:
            said += "the model uses the signal."
    else:
        said = f"{name} is {value:.1f}, {worth}: nothing shows that the model uses the signal."
    for control in map(evaluation.control, (NEAREST, FREQUENT)):
        if control is not None and not _beats(evaluation, control):
            worth = f"{control.name} of training ({control.scores[name].value:.1f})"
            return f"{said} It is not shown to do better than the {worth}."
    return said


def build_metrics(uses: Sequence[Use], language: str = "") -> list[Metric]:
    """The metrics a recipe names, told the language of the references; the usual ones if none.

    Raises:
        UserError: one is not installed, cannot score this language, or is named twice.
    """
    metrics = [make_metric(use.name, language or None, **use.options) for use in uses]
    names = [metric.name for metric in metrics]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise UserError(f"evaluation.metrics: {twice[0]} stands there twice")
    return metrics or default_metrics(language or None)


def language_of(recipe: Recipe, rows: Sequence[Row]) -> str:
    """What the recipe says, or the column ``language`` where all rows agree; else ""."""
    written = {row.get("language") for row in rows}
    return recipe.data.language or (written.pop() if len(written) == 1 else "")
