"""The square around the mouth, the face or a hand in each frame of a film, as its pose tells.

Its size is one for the whole file, so that a picture is not scaled from frame to frame: a number
of times the median distance between the outer corners of the eyes, which an opening mouth leaves
as it is. Its centre follows the mouth, face or hand: over time it is interpolated where that is
not seen, and smoothed, since estimated points tremble. The hand is the one that is seen more often.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
from attrs import frozen
from PIL import Image
from scipy.ndimage import gaussian_filter1d

from slp_core.signals import Clip, SignalError
from slp_encoders.processors.clips import frames_of_span
from slp_encoders.processors.pose.file import PoseFile, read_pose_file
from slp_encoders.processors.pose.layout import Layout
from slp_encoders.processors.pose.lips import EYES, FACE
from slp_encoders.processors.pose.normalise import visible

Region = Literal["mouth", "face", "hand"]

#: Points of MediaPipe's face mesh that its reduction to contours keeps: corners, top and bottom of
#: the lips; top and bottom of the face and both its sides.
CENTRE = {"mouth": ("0", "17", "61", "291"), "face": ("10", "152", "234", "454")}
HANDS = ("RIGHT_HAND_LANDMARKS", "LEFT_HAND_LANDMARKS")
PALM = ("WRIST", "INDEX_FINGER_MCP", "PINKY_MCP")
#: Sides of the square, in distances of the eyes. In 28 real files a closed mouth is 0.54 wide (so
#: it fills half of the square, as is usual for reading lips), the lips stay within 0.85 in 99 of
#: 100 frames, and the contour of the face within 2.41. A hand is about two long, from the middle of
#: whose palm the square has to reach the fingertips.
SIDE = {"mouth": 1.1, "face": 2.5, "hand": 2.6}
#: Deviation of the smoothing, in seconds: nodding at 2.6 Hz keeps 0.7 of its width.
SMOOTH = 0.05
LATE = 0.5  #: seconds for which the last centre stays
LARGEST = 2  #: sides of the picture; a larger square is of broken coordinates


@frozen(eq=False)
class Boxes:
    """Where the square is. ``centres``: ``t 2``, x and y in pixels of a picture of ``width`` by
    ``height``, one for each of the ``rate`` frames a second of the pose; ``side`` in the same."""

    source: str
    centres: np.ndarray
    side: float
    rate: float
    width: float
    height: float

    def centre(self, time: float) -> np.ndarray:
        """x and y at a time in seconds, between those of the frames before and after it.

        Raises:
            SignalError: the pose has ended.
        """
        frame, last = time * self.rate, len(self.centres) - 1
        if frame > last + max(1, LATE * self.rate):
            raise SignalError(
                f"{self.source}: ends after {(last + 1) / self.rate:.3f} s, its film shows a "
                f"frame at {time:.3f} s"
            )
        return np.array([np.interp(frame, np.arange(last + 1), axis) for axis in self.centres.T])

    def cut(self, picture: np.ndarray, time: float, size: int) -> np.ndarray:
        """The square out of an upright picture ``h w c``, scaled to ``size size c``. Where it
        leaves the picture, the picture's border is repeated.

        Raises:
            SignalError: the pose has ended, or is of pictures of another shape.
        """
        height, width = picture.shape[:2]
        scale = width / self.width
        if abs(self.height * scale - height) > max(1, height / 100):
            raise SignalError(
                f"{self.source}: is the pose of pictures of {self.width:g} x {self.height:g}, "
                f"its film shows {width} x {height}"
            )
        side = self.side * scale
        centre = np.clip(self.centre(time) * scale, -side, np.array([width, height]) + side)
        reach = 2 * max(1, side / size)  # of the filter, bicubic
        first = np.floor(centre - side / 2 - reach).astype(int)
        last = np.ceil(centre + side / 2 + reach).astype(int)
        columns = np.arange(first[0], last[0]).clip(0, width - 1)
        rows = np.arange(first[1], last[1]).clip(0, height - 1)
        image = Image.fromarray(picture[rows[:, None], columns])
        left, top = centre - side / 2 - first
        box = (left, top, left + side, top + side)
        return np.array(image.resize((size, size), Image.Resampling.BICUBIC, box=box))


def boxes_of(pose: Path, region: Region, clip: Clip, film_rate: float) -> Boxes:
    """The squares of a film's ``.pose`` file. ``film_rate``: the film's frames a second.

    A rate less than one frame a second away from the film's is taken to be the film's own: older
    versions of the format round it.

    Raises:
        SignalError: the file cannot be read, knows no face (or hands), or shows none in the
            clip's span.
    """
    file = read_pose_file(str(pose))
    points = _region(pose, file, region)  # (t, p, 2), eyes first
    rate = film_rate if abs(film_rate - file.rate) < 1 else file.rate
    seen = np.isfinite(points).all((1, 2))
    span = frames_of_span(Clip(str(pose), clip.start, clip.end), len(points), rate)
    if not seen[span].any():
        what = "face with a hand" if region == "hand" else "face"
        raise SignalError(f"{pose}: shows no {what} in the span that is read of {clip.source}")
    size, found = file.header.dimensions, points[seen]
    side = SIDE[region] * float(np.median(np.linalg.norm(found[:, 0] - found[:, 1], axis=-1)))
    if not 1 <= side <= LARGEST * max(size.width, size.height):
        raise SignalError(
            f"{pose}: its {region} would be {side:g} pixels of {size.width} x {size.height} wide"
        )
    frames, places = np.arange(len(points)), found[:, 2:].mean(1)  # (t', 2)
    path = np.stack([np.interp(frames, frames[seen], axis) for axis in places.T], -1)
    centres = gaussian_filter1d(path, SMOOTH * rate, axis=0, mode="nearest")
    return Boxes(str(pose), centres, side, rate, size.width, size.height)


def pose_in(folder: str, film: str) -> Path:
    """The pose of a film in a folder, as ``slp data pose`` names it: of ``films/day/1.mp4`` (or a
    folder of pictures ``films/day/1``) it is ``day/1.pose``, or ``1.pose`` if that is absent.

    Raises:
        SignalError: there is none.
    """
    path = Path(film)
    name = path.name if path.is_dir() else path.stem
    parts = path.with_name(f"{name}.pose").relative_to(path.anchor).parts
    for start in range(len(parts)):
        found = Path(folder, *parts[start:])
        if ".." not in parts[start:] and found.is_file():
            return found
    raise SignalError(
        f"{film}: its pose is not in {folder} ({name}.pose is expected); "
        "`slp data pose` estimates those of a folder"
    )


def _region(pose: Path, file: PoseFile, region: Region) -> np.ndarray:
    """``t p 2``: the eyes, and the points whose mean is the middle of the region."""
    eyes = _points(pose, file, FACE, EYES)
    if region != "hand":
        return np.concatenate([eyes, _points(pose, file, FACE, CENTRE[region])], 1)
    hands = [_points(pose, file, hand, PALM) for hand in HANDS]
    seen = [np.isfinite(hand).all((1, 2)).sum() for hand in hands]
    return np.concatenate([eyes, hands[int(seen[1] > seen[0])]], 1)


def _points(pose: Path, file: PoseFile, part: str, wanted: tuple[str, ...]) -> np.ndarray:
    """``t p 2`` float64, NaN where missing."""
    layout = Layout.of(file.header)
    places = {point: index for index, (one, point) in enumerate(layout.names) if one == part}
    if not places.keys() >= {*wanted}:
        what = "a face mesh" if part == FACE else "both hands"
        raise SignalError(f"{pose}: the points of {what} ({part}) are needed; it holds {layout}")
    index = [places[point] for point in wanted]
    return visible(file.coordinates[:, index, :2], file.confidence[:, index]).astype(np.float64)
