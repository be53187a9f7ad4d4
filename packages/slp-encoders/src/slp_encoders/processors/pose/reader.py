"""``.pose`` files to sequences of normalised points."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from slp_core.context import Context
from slp_core.moving import FASTEST, LONGEST, Skeleton
from slp_core.signals import Clip, Extent, Processor, Signal, SignalError
from slp_encoders.processors.clips import frames_of_span, nearest_frames
from slp_encoders.processors.mediapipe.estimate import (
    estimated,
    is_installed,
    require_mediapipe,
)
from slp_encoders.processors.pose.augment import vary
from slp_encoders.processors.pose.file import PoseFile, read_pose_file
from slp_encoders.processors.pose.layout import (
    Layout,
    face_points,
    hand_points,
    has_shoulders,
    selected_points,
    shoulder_points,
)
from slp_encoders.processors.pose.lips import EYES, LIPS
from slp_encoders.processors.pose.mirror import HOLISTIC, hands_mirror, holistic_mirror
from slp_encoders.processors.pose.normalise import (
    by_eyes,
    by_shoulders,
    by_wrist,
    mirrored,
    visible,
)
from slp_encoders.processors.pose.overlay import overlay
from slp_encoders.processors.pose.sketch import skeleton, sketch
from slp_encoders.processors.pose.spec import PoseConfig
from slp_encoders.processors.video.film import SUFFIXES, extent_of_film, is_film, open_film


class PoseReader(Processor):
    """A ``.pose`` file to ``t d`` float32, ``d`` being ``(points channels)``.

    Point after point in the file's order (of the hands, left then right; around the lips), each
    with its x, y, z and, where asked for, its presence. A point that is missing is zero throughout.
    Of a film, the pose is estimated (extra ``mediapipe``).
    """

    config: PoseConfig

    def __init__(self, config: PoseConfig, context: Context = Context()) -> None:  # noqa: B008
        super().__init__(config, context)
        self._mirror = None
        if config.augment is not None and config.augment.mirror:
            self._mirror = hands_mirror() if config.normalize == "hands" else holistic_mirror()

    def read(self, clip: Clip) -> Signal:
        file = self._file(clip)
        frames, rate = self._frames(clip, file)
        with np.errstate(all="ignore"):  # what overflows is found below
            points = self._normalised(clip, file, frames)  # (t, p, c), NaN where missing
        seen = ~np.isnan(points[..., 0])
        if not seen.any():
            raise SignalError(f"{clip.source}: none of its points is visible in the span")
        points[~seen] = 0
        values = self._values(points, seen)
        if not np.isfinite(values).all():
            raise SignalError(f"{clip.source}: its coordinates are too large to be true")
        return Signal(values, rate)

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Those of films too, where their poses can be estimated."""
        return (".pose", *(SUFFIXES if is_installed() else ()))

    def extent(self, clip: Clip) -> Extent:
        if is_film(Path(clip.source)):
            require_mediapipe(clip.source)
            return extent_of_film(clip)
        file = read_pose_file(clip.source, self.config.person)
        return Extent(len(file.coordinates) / file.rate, len(file.coordinates))

    def augment(self, signal: Signal, rng: np.random.Generator) -> Signal:
        if self.config.augment is None:
            return signal
        points, seen = self._points_of(signal)
        points, seen, pace = vary(points, seen, self.config.augment, rng, self._mirror)
        # The clock stays the clip's: what is slower has more steps for each of its seconds.
        return Signal(self._values(points, seen), signal.rate / pace)

    def sketch(self, signal: Signal, frames: int = 8) -> list[str]:
        shown = self._skeleton(signal)
        return [] if shown is None else sketch(shown, frames)

    def play(self, clip: Clip) -> Skeleton | None:
        signal = self.read(clip)
        stride = max(round(signal.rate / FASTEST), 1)
        values = signal.values[: round(LONGEST * signal.rate) : stride]
        return self._skeleton(Signal(values, signal.rate / stride))

    def show(self, clip: Clip, frames: int = 8) -> list[str]:
        if self.pose_file(clip.source) == Path(clip.source):
            return super().show(clip, frames)
        file = self._file(clip)
        read, _ = self._frames(clip, file)
        chosen = read[np.linspace(0, len(read) - 1, frames).round().astype(int)]
        with open_film(Clip(clip.source)) as film:
            return overlay(film, file, chosen.tolist())

    def pose_file(self, source: str) -> Path:
        """The ``.pose`` file that is read for a source: of a film, the one estimated from it.

        Raises:
            SignalError: nothing can be estimated from the film.
        """
        path = Path(source)
        return estimated(source) if is_film(path) else path

    def _file(self, clip: Clip) -> PoseFile:
        return read_pose_file(str(self.pose_file(clip.source)), self.config.person)

    def _skeleton(self, signal: Signal) -> Skeleton | None:
        return skeleton(*self._points_of(signal), self.config, signal.rate)

    def _points_of(self, signal: Signal) -> tuple[np.ndarray, np.ndarray]:
        """``t p c`` points, and ``t p`` which of them are seen."""
        config = self.config
        values = signal.values.reshape(len(signal.values), config.kept, -1)  # (t, p, channels)
        points = values[..., : config.coordinates]
        return points, values[..., -1] > 0 if config.presence else (points != 0).any(-1)

    def _values(self, points: np.ndarray, seen: np.ndarray) -> np.ndarray:
        if self.config.presence:
            points = np.concatenate([points, seen[..., None]], -1, dtype=np.float32)
        return points.reshape(len(points), -1).astype(np.float32, copy=False)  # (t, d)

    def _frames(self, clip: Clip, file: PoseFile) -> tuple[np.ndarray, float]:
        """Indices of the frames read, and how many there are a second."""
        span = frames_of_span(clip, len(file.coordinates), file.rate)
        frames, rate = np.arange(span.start, span.stop), file.rate
        if self.config.fps is not None:
            frames = frames[nearest_frames(len(frames), rate, self.config.fps)]
            rate = self.config.fps
        return frames[:: self.config.stride], rate / self.config.stride

    def _normalised(self, clip: Clip, file: PoseFile, frames: np.ndarray) -> np.ndarray:
        """``t p c``, NaN where missing."""
        layout, whole = Layout.of(file.header), slice(None)
        try:
            if self.config.normalize == "hands":
                return self._hands(file, layout)[frames]
            if self.config.normalize == "mouth":
                return self._mouth(file, layout)[frames]
            kept = selected_points(layout, self.config.components, self.config.reduce)
            self._check(layout, kept)
            points = self._points(file, frames, kept)
            if self.config.normalize == "none":
                return points
            return by_shoulders(points, self._points(file, whole, shoulder_points(layout)))
        except ValueError as error:
            words = " ".join(str(error).split())
            raise SignalError(f"{clip.source}: {words}; it holds {layout}") from error

    def _points(self, file: PoseFile, frames: np.ndarray | slice, points: Any) -> np.ndarray:
        coordinates = file.coordinates[frames][:, points, : self.config.coordinates]
        return visible(coordinates, file.confidence[frames][:, points])

    def _mouth(self, file: PoseFile, layout: Layout) -> np.ndarray:
        if layout.dims < self.config.coordinates:
            raise ValueError("its points have no z; write coordinates = 2")
        lips, eyes = (
            self._points(file, slice(None), face_points(layout, points)) for points in (LIPS, EYES)
        )
        return by_eyes(lips, eyes)

    def _hands(self, file: PoseFile, layout: Layout) -> np.ndarray:
        """Both hands of the whole file, or the one that is seen more often, as a right hand."""
        indices, dominant = hand_points(layout), self.config.dominant
        if layout.dims < self.config.coordinates:
            raise ValueError("its points have no z; write coordinates = 2")
        if len(indices) < (1 if dominant else 2):
            raise ValueError("it has not both hands" + "; write dominant = true" * len(indices))
        hands = {side: self._points(file, slice(None), indices[side]) for side in indices}
        if "left" in hands:
            hands["left"] = mirrored(hands["left"])
        if dominant:
            return by_wrist(max(hands.values(), key=lambda hand: np.isfinite(hand).sum()))
        return np.concatenate([mirrored(by_wrist(hands["left"])), by_wrist(hands["right"])], 1)

    def _check(self, layout: Layout, kept: np.ndarray) -> None:
        """Refuse points that the recipe does not mean, and say what it should have written."""
        config = self.config
        declared = f"{config.kept} points of {config.coordinates} coordinates were declared"
        wrong, write = [], []
        if len(kept) != config.kept or layout.dims < config.coordinates:
            wrong.append(f"{declared}, it has {len(kept)} of {layout.dims}")
            if len(kept) != config.kept:
                write.append(f"points = {len(kept)}")
            if layout.dims < config.coordinates:
                write.append(f"coordinates = {layout.dims}")
        if config.normalize == "shoulders" and not has_shoulders(layout):
            wrong.append("it has no shoulders")
            write.append('normalize = "none"')
        if wrong:
            raise ValueError(f"{' and '.join(wrong)}; write {', '.join(write)}")
        names = layout.names
        if self._mirror is not None and [names[index] for index in kept] != list(HOLISTIC):
            raise ValueError("augment.mirror knows a reduced MediaPipe Holistic only")
