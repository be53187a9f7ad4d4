"""How a part is tried: the keys, what comes in, and what it learns from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from collections.abc import Sequence as Items
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
from attrs import field, frozen

from slp_core.keys import fields
from slp_core.manifest import Manifest, read_manifest, write_manifest
from slp_core.spec import ComponentSpec
from slp_core.tensortype import Rate, Size, Symbol, TensorType

if TYPE_CHECKING:
    from slp_core.pipeline import Pipeline

WIDTH, SIDE, WORDS = 12, 32, 11  #: where nothing else fixes the size of an axis

#: Training rows where a trial tells none.
ROWS: tuple[Mapping[str, str], ...] = tuple(
    {
        "id": f"{number}",
        "text": text,
        "gloss": text.upper(),
        "pseudo_gloss": text.lower(),
        "letters": letters,
        "language": "en",
    }
    for number, (text, letters) in enumerate(
        {
            "Bob sees the sun": "B O B",
            "rain in the south": "",
            "tonight the wind is weak": "",
            "Anna shines tonight": "A N N A",
        }.items()
    )
)


@frozen(kw_only=True, eq=False)
class Trial:
    """What the conformance kit needs to try a part for which its defaults are not enough.

    A spec names the function that makes it: ``trial="slp_encoders.trials:clip"``, called with an
    empty folder, in which it may write a checkpoint of a few random weights.
    """

    config: Mapping[str, Any] = field(factory=dict)  #: as a recipe writes it, without ``use``
    #: what comes in, by stream for fusions; None: the first of the usual types that fits
    inputs: TensorType | Mapping[str, TensorType] | None = None
    #: steps of the samples that are drawn; the longest two longer than an encoder's window
    lengths: tuple[int, ...] = (48, 9, 27)
    rows: Items[Mapping[str, str]] = ROWS  #: of the manifest that it learns from and annotates
    target: str = "text"  #: the column that is translated into, or that an objective looks at
    source: str = ""  #: of a processor: the file that it reads, or the text
    on: str = "decoder"  #: of an objective: the part that it looks at
    #: of an objective: made anew at each call; None: :func:`slp_core.testing.standin.stand_in`
    pipeline: Callable[[], Pipeline] | None = None
    #: of what is not to be tried, by the name of its faults: why not
    skip: Mapping[str, str] = field(factory=dict)


def trial_of(spec: ComponentSpec, folder: Path) -> Trial:
    """The trial that a spec names, made in ``folder``; where it names none, its example."""
    if not spec.trial:
        return Trial(config=spec.example)
    module, _, name = spec.trial.partition(":")
    made = getattr(import_module(module), name)(folder)
    if not isinstance(made, Trial):
        raise TypeError(f"{spec.trial} gives a {type(made).__name__}, a Trial is expected")
    return made


def required_keys(config: type) -> list[str]:
    """The keys that a recipe must write."""
    return [name for name, one in fields(config).items() if one.default is attrs.NOTHING]


def manifest(folder: Path, rows: Items[Mapping[str, str]]) -> Manifest:
    """The rows as a manifest in ``folder``."""
    file = folder / "trial.tsv"
    write_manifest(file, list(rows[0]), [list(row.values()) for row in rows])
    return read_manifest(file)


def usual_types() -> Iterator[TensorType]:
    """What parts are given where a trial does not say: vectors at the clip's rate, the same with
    codes, frames, text. First with free sizes, which a signature may fix, then with numbers."""
    pixels = {"c": Size(3), "h": Size(SIDE), "w": Size(SIDE)}
    words = {"vocabulary": Size(WORDS)}
    for width in (Symbol, lambda _: Size(WIDTH)):
        for modality in (None, "features", "pose"):
            yield TensorType("b t d", {"d": width("d")}, modality=modality)
        yield TensorType("b t d", {"d": width("d"), **words})
    yield TensorType("b t c h w", pixels, dtype="uint8", modality="video")
    yield TensorType("b t c h w", pixels, dtype="uint8", rate=None, modality="image")
    yield TensorType("b t", words, dtype="int64", rate=None, modality="text")


def clock(rate: Rate | None) -> float:
    """Steps a second of a clip filmed at 25 frames a second; NaN where there is no clock."""
    if rate is None:
        return float("nan")
    return 25 * rate.hz if rate.of else rate.hz
