"""Which points of a file are meant: components, the reduction of MediaPipe Holistic, shoulders
and hands, by the names that pose-format knows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import numpy as np
from attrs import field, frozen

from slp_encoders.processors.pose.hand import POINTS
from slp_encoders.processors.pose.lips import FACE

FULL_BODY = 33  #: body points of a MediaPipe Holistic that nobody has reduced


@frozen
class Layout:
    """The components of a file in their order, each with the names of its points."""

    components: tuple[tuple[str, tuple[str, ...]], ...]
    header: Any = field(eq=False, repr=False)  #: pose_format.PoseHeader

    @classmethod
    def of(cls, header: Any) -> Layout:
        return cls(tuple((part.name, tuple(part.points)) for part in header.components), header)

    @property
    def dims(self) -> int:
        return self.header.num_dims()

    @property
    def names(self) -> list[tuple[str, str]]:
        """Component and point, one for each point of the file."""
        return [(name, point) for name, points in self.components for point in points]

    def __str__(self) -> str:
        return " + ".join(
            f"{name if name.isprintable() else repr(name)} {len(points)}"
            for name, points in self.components
        )


@contextmanager
def _known() -> Iterator[None]:
    """Of layouts that it does not know, pose-format says that they are not implemented; to us
    they are a file's fault like any other."""
    try:
        yield
    except NotImplementedError as error:  # pose-format's word for an unknown layout
        raise ValueError(error) from error


@lru_cache(maxsize=64)
def selected_points(layout: Layout, components: tuple[str, ...] | None, reduce: bool) -> np.ndarray:
    """Indices of the points kept, in their order.

    ``reduce`` keeps of a full MediaPipe Holistic what carries signing: 8 points of the body, 128
    of the face's contours, 21 a hand (pose-format's ``reduce_holistic``); others stay whole.

    Raises:
        ValueError: the file has no component of that name.
    """
    from pose_format import Pose
    from pose_format.numpy import NumPyPoseBody
    from pose_format.utils.generic import reduce_holistic

    points = dict(layout.components)
    for name in components or ():
        if name not in points:
            raise ValueError(f'there is no component "{name}"')
    index = np.arange(layout.header.total_points(), dtype=np.float64)[None, None, :, None]
    pose = Pose(layout.header, NumPyPoseBody(1, index, np.ones_like(index)[..., 0]))
    if reduce and len(points.get("POSE_LANDMARKS", ())) == FULL_BODY:
        with _known():
            pose = reduce_holistic(pose)
    if components is not None:
        pose = pose.get_components(list(components))
    return np.asarray(pose.body.data).reshape(-1).astype(int)


@lru_cache(maxsize=64)
def shoulder_points(layout: Layout) -> list[int]:
    """Indices of the two shoulders.

    Raises:
        ValueError: pose-format finds none in this layout.
    """
    from pose_format.utils.generic import pose_normalization_info

    with _known():
        info = pose_normalization_info(layout.header)
    return [info.p1, info.p2]


@lru_cache(maxsize=64)
def has_shoulders(layout: Layout) -> bool:
    try:
        return bool(shoulder_points(layout))
    except ValueError:
        return False


@lru_cache(maxsize=64)
def hand_points(layout: Layout) -> dict[str, np.ndarray]:
    """Indices of the 21 points of the ``left`` and the ``right`` hand, where the layout has it.

    Raises:
        ValueError: pose-format knows no hands of this layout.
    """
    from pose_format.utils.generic import hands_components

    with _known():
        (left, right), _, _ = hands_components(layout.header)
    sides = {left: "left", right: "right"}
    found, start = {}, 0
    for name, points in layout.components:
        if name in sides and len(points) == POINTS:
            found[sides[name]] = np.arange(start, start + POINTS)
        start += len(points)
    return found


@lru_cache(maxsize=64)
def face_points(layout: Layout, wanted: tuple[str, ...]) -> list[int]:
    """Indices of points of MediaPipe's face mesh.

    Raises:
        ValueError: the layout has not all of them.
    """
    places = {point: index for index, (part, point) in enumerate(layout.names) if part == FACE}
    if not places.keys() >= {*wanted}:
        raise ValueError(f"it has not the points of a face mesh ({FACE})")
    return [places[point] for point in wanted]
