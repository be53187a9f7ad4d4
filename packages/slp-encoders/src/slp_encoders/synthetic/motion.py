"""From a sentence to movement: when each sign happens and where hands, fingers and lips are then.

Signs and letters are key poses; between them the hand travels on a minimum-jerk path
(Flash and Hogan 1985) while the fingers change, so that every sign is coloured by its neighbours.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from attrs import define, frozen
from numpy.typing import NDArray

from slp_encoders.synthetic.grammar import Name, Sentence, Unit
from slp_encoders.synthetic.lexicon import Sign
from slp_encoders.synthetic.phonology import (
    FLEXIONS,
    HANDSHAPES,
    LETTER_MOUTHINGS,
    LOCATIONS,
    MOUTHINGS,
    MOVEMENTS,
    ORIENTATIONS,
    RELAXED,
    REST,
    SILENT,
    SPELLING,
    THUMBS,
    Handshape,
    Point,
)
from slp_encoders.synthetic.signer import Signer

Array = NDArray[np.float64]

FPS = 25
_STROKE, _TRANSITION = 0.25, 0.14  # seconds at the average tempo
_LETTER, _BETWEEN_LETTERS = 0.14, 0.05
_REST, _RISE = 0.12, 0.2
_SLIDE = 0.05  # a spelling hand moves outwards, so that doubled letters show


@frozen
class Span:
    """When something happens, in milliseconds from the start of the clip."""

    label: str
    kind: str  #: sign, name, letter or mouthing
    start: int
    end: int


@frozen
class Motion:
    """One sentence signed by one signer: a value of every articulator at every frame.

    ``wrists`` (t, 2, 3) and ``hands`` (t, 2, 18) hold the dominant hand first, in the frame of
    that hand's own side (x ipsilateral); ``mouth`` (t, 3) is opening, width and protrusion.
    """

    wrists: Array
    hands: Array
    mouth: Array
    spans: tuple[Span, ...]

    def __len__(self) -> int:
        return len(self.mouth)


@define
class _Track:
    """Key values of one articulator, and whether it eases from one key to the next."""

    times: list[float]
    values: list[Sequence[float] | Array]
    eased: list[bool]

    @classmethod
    def starting(cls, value: Sequence[float] | Array) -> _Track:
        return cls([0.0], [value], [])

    def key(self, time: float, value: Sequence[float] | Array, eased: bool = True) -> None:
        self.times.append(max(time, self.times[-1] + 1e-6))
        self.values.append(value)
        self.eased.append(eased)

    def at(self, times: Array) -> Array:
        """Values at ``times``, (t, d)."""
        keys, values = np.array(self.times), np.array(self.values)
        before = np.clip(np.searchsorted(keys, times, side="right") - 1, 0, len(keys) - 2)
        share = np.clip((times - keys[before]) / (keys[before + 1] - keys[before]), 0, 1)
        smooth = share**3 * (10 - 15 * share + 6 * share**2)  # minimum jerk
        share = np.where(np.array(self.eased)[before], smooth, share)[:, None]
        return values[before] * (1 - share) + values[before + 1] * share


def articulate(shape: Handshape, laxness: float = 0.0) -> Array:
    """A handshape as 18 angles: 4 x (two flexions), 4 spreads, 3 of the thumb, 3 of the hand."""
    flexions = np.array([FLEXIONS[code] for code in shape.fingers], dtype=float)
    flexions += laxness * (np.array(FLEXIONS["c"]) - flexions)
    if shape.spread < 0:
        spread = np.array([17.0, -17.0, 0.0, 0.0])
    else:
        spread = np.array([-2.0, 0.0, 3.0, 7.0]) + shape.spread * np.array([-22, 3, 12, 20])
    return np.concatenate(
        [flexions.ravel(), spread, THUMBS[shape.thumb], ORIENTATIONS[shape.orientation]]
    )


@frozen
class _Stroke:
    """One key pose, held or moved, of a sign or a letter."""

    start: float
    end: float
    shape: str
    place: Point
    movement: str = "hold"
    two_handed: bool = False


def perform(sentence: Sentence, signer: Signer, random: np.random.Generator) -> Motion:
    """Sign a sentence. Randomness depends on the number of units only, not on which they are."""
    tempo = signer.tempo * random.uniform(0.95, 1.05)
    made: list[tuple[Unit, list[_Stroke]]] = []
    time = _REST + _RISE / tempo
    for unit in sentence.units:
        length = _STROKE / tempo * random.uniform(0.85, 1.15)
        drift = random.normal(0, 0.03, 2) + signer.bias
        made.append((unit, _strokes(unit, time, length, drift)))
        time = made[-1][1][-1].end + _TRANSITION / tempo * random.uniform(0.85, 1.15)
    strokes = [stroke for _, own in made for stroke in own]
    frames = math.ceil((strokes[-1].end + _RISE / tempo + _REST) * FPS)
    end = frames / FPS
    times = np.arange(frames) / FPS
    wrists, hands = _hands(strokes, signer, end, times)
    lead = random.uniform(-0.12, 0.12)
    mouth, mouthings = _mouth(made, lead, end, random)
    spans = [*_manual_spans(made), *mouthings]
    return Motion(wrists, hands, mouth.at(times), tuple(sorted(spans, key=lambda s: s.start)))


def _strokes(unit: Unit, time: float, length: float, drift: Array) -> list[_Stroke]:
    def shifted(place: Point, slide: float = 0.0) -> Point:
        return (place[0] + drift[0] + slide, place[1] + drift[1], place[2])

    if isinstance(unit, Sign):
        place = shifted(LOCATIONS[unit.location])
        return [_Stroke(time, time + length, unit.handshape, place, unit.movement, unit.two_handed)]
    pace = length / _STROKE  # already holds the tempo
    strokes = []
    for number, letter in enumerate(unit.letters):
        start = time + number * (_LETTER + _BETWEEN_LETTERS) * pace
        place = shifted(SPELLING, _SLIDE * number)
        strokes.append(_Stroke(start, start + _LETTER * pace, letter, place))
    return strokes


def _hands(strokes: list[_Stroke], signer: Signer, end: float, times: Array) -> tuple[Array, Array]:
    relaxed = articulate(RELAXED)
    wrists = [_Track.starting(REST) for _ in range(2)]
    fingers = [_Track.starting(relaxed) for _ in range(2)]
    for track in (*wrists, *fingers):
        track.key(_REST, track.values[0])
    for stroke in strokes:
        shape = articulate(HANDSHAPES[stroke.shape], signer.laxness)
        path = np.array(MOVEMENTS[stroke.movement]) * signer.amplitude + stroke.place
        times_on_path = np.linspace(stroke.start, stroke.end, len(path))
        for side in range(2 if stroke.two_handed else 1):
            for number, (time, place) in enumerate(zip(times_on_path, path, strict=True)):
                # short paths stop at every turn, arcs and circles flow
                wrists[side].key(time, place, eased=number == 0 or len(path) < 8)
            for time in (stroke.start, stroke.end):
                fingers[side].key(time, shape)
        if not stroke.two_handed:  # the other hand sinks, or is still sinking
            middle = (stroke.start + stroke.end) / 2
            wrists[1].key(middle, REST)
            fingers[1].key(middle, relaxed)
    for track in (*wrists, *fingers):
        track.key(end - _REST, track.values[0])
        track.key(end + 1, track.values[0])
    return (
        np.stack([track.at(times) for track in wrists], axis=1),
        np.stack([track.at(times) for track in fingers], axis=1),
    )


def _mouth(
    made: list[tuple[Unit, list[_Stroke]]], lead: float, end: float, random: np.random.Generator
) -> tuple[_Track, list[Span]]:
    """The mouth's track and the spans of its units; the mouth leads or lags the hands."""
    track, spans = _Track.starting(SILENT), []
    earliest = 0.0
    for unit, strokes in made:
        offset = lead + random.uniform(-0.04, 0.04)
        start = max(strokes[0].start - 0.05 + offset, earliest)
        stop = min(max(strokes[-1].end + 0.05 + offset, start + 0.1), end)
        said = mouthing_of(unit)
        borders = np.linspace(start, stop, len(said) + 1)
        track.key(start, SILENT)
        for name, (begin, finish) in zip(said, pairwise(borders), strict=True):
            track.key((begin + finish) / 2, MOUTHINGS[name])
            spans.append(Span(name, "mouthing", round(begin * 1000), round(finish * 1000)))
        track.key(stop, SILENT)
        earliest = stop
    track.key(end + 1, SILENT)
    return track, spans


def _manual_spans(made: list[tuple[Unit, list[_Stroke]]]) -> list[Span]:
    spans = []
    for unit, strokes in made:
        kind = "name" if isinstance(unit, Name) else "sign"
        named = [(unit.gloss, kind, strokes[0].start, strokes[-1].end)]
        if isinstance(unit, Name):
            named += [(stroke.shape, "letter", stroke.start, stroke.end) for stroke in strokes]
        spans += [
            Span(label, kind, round(start * 1000), round(end * 1000))
            for label, kind, start, end in named
        ]
    return spans


def mouthing_of(unit: Unit) -> tuple[str, ...]:
    """What the mouth says during a sign or a spelled name."""
    if isinstance(unit, Name):
        return tuple(LETTER_MOUTHINGS[letter] for letter in unit.letters)
    return unit.mouthing
