"""The video: the signer as a drawn figure, hands with fingers, a mouth that opens, as H.264."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from slp_encoders.synthetic import face
from slp_encoders.synthetic.motion import FPS, Array
from slp_encoders.synthetic.signer import Colour, Signer
from slp_encoders.synthetic.skeleton import SIZE, Points

_FINER = 2  # drawn at twice the size, then reduced: smooth edges
_LIPS, _INSIDE, _EYES, _PUPILS = (176, 62, 70), (58, 14, 20), (250, 250, 250), (44, 36, 32)
_FINGERS = [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12], [13, 14, 15, 16], [17, 18, 19, 20]]
_PALM = [0, 1, 5, 9, 13, 17, 0]


@frozen
class _Shape:
    """One thing to draw in every frame: a polygon, a line of some width, or a round dot."""

    kind: str
    colour: Colour
    corners: list[list[float]]  #: x and y in turn, by frame; a dot's bounding box
    width: int = 0


def _polygon(points: Array, colour: Colour) -> _Shape:
    return _Shape("polygon", colour, points[..., :2].reshape(len(points), -1).tolist())


def _dot(centre: Array, width: float, colour: Colour) -> _Shape:
    box = np.concatenate([centre[..., :2] - width / 2, centre[..., :2] + width / 2], axis=-1)
    return _Shape("dot", colour, box.tolist())


def _line(points: Array, width: float, colour: Colour) -> list[_Shape]:
    """A line whose far end is round."""
    flat = points[..., :2].reshape(len(points), -1).tolist()
    return [_Shape("line", colour, flat, max(1, round(width))), _dot(points[:, -1], width, colour)]


def frames(points: Points, signer: Signer) -> Iterator[NDArray[np.uint8]]:
    """Draw the clip frame by frame, (SIZE, SIZE, 3)."""
    from PIL import Image, ImageDraw

    wide = signer.scale * SIZE * _FINER  # the shoulder width
    body = points.body * _FINER
    hands = np.stack([points.left, points.right], axis=1) * _FINER
    shapes = [
        *_trunk(body, signer, wide),
        *_head(points.face * _FINER, signer, wide),
        *_arm(body[:, 0::2], signer, wide),
        *_arm(body[:, 1::2], signer, wide),
    ]
    nearest_last = np.argsort(-hands[:, :, 0, 2], axis=1)
    hands = np.take_along_axis(hands, nearest_last[:, :, None, None], axis=1)
    for turn in range(2):
        shapes += _hand(hands[:, turn], signer, wide)
    for frame in range(len(body)):
        picture = Image.new("RGB", (SIZE * _FINER, SIZE * _FINER), signer.wall)
        draw = ImageDraw.Draw(picture)
        for shape in shapes:
            corners = shape.corners[frame]
            if shape.kind == "polygon":
                draw.polygon(corners, fill=shape.colour)
            elif shape.kind == "dot":
                draw.ellipse(corners, fill=shape.colour)
            else:
                draw.line(corners, fill=shape.colour, width=shape.width)
        yield np.asarray(picture.reduce(_FINER))


def write_video(path: Path, points: Points, signer: Signer) -> None:
    """Encode the drawn clip with one thread, so that the same points give the same pictures."""
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width = stream.height = SIZE
        stream.pix_fmt = "yuv420p"
        stream.options = {"preset": "superfast", "crf": "18"}
        stream.codec_context.thread_count = 1
        for picture in frames(points, signer):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())


def _shade(colour: Colour, share: float) -> Colour:
    red, green, blue = (min(255, round(part * share)) for part in colour)
    return red, green, blue


def _trunk(body: Array, signer: Signer, wide: float) -> list[_Shape]:
    left, right, hips = body[:, 0, :2], body[:, 1, :2], body[:, 6:8, :2]
    across, neck = (left - right) * 0.12, (left + right) / 2
    corners = np.stack([left + across, hips[:, 0], hips[:, 1], right - across], axis=1)
    throat = np.stack([neck, neck - (0, 0.35 * wide)], axis=1)
    return [
        _polygon(corners, signer.shirt),
        *_line(throat, 0.22 * wide, _shade(signer.skin, 0.9)),
    ]


def _head(contours: Array, signer: Signer, wide: float) -> list[_Shape]:
    oval = contours[:, face.indices("oval"), :2]
    middle = oval.mean(axis=1, keepdims=True)
    hair = middle + (oval - middle) * 1.16
    hair[..., 1] = np.minimum(hair[..., 1], middle[..., 1] + 0.11 * wide)
    shapes = [_polygon(hair, signer.hair), _polygon(oval, signer.skin)]
    for side in ("left", "right"):
        eye = contours[:, face.opening(f"{side}-eye")]
        brow = contours[:, face.indices(f"{side}-brow-upper")]
        shapes.append(_polygon(eye, _EYES))
        shapes.append(_dot(eye.mean(axis=1), 0.033 * wide, _PUPILS))
        shapes += _line(brow, 3, _shade(signer.hair, 0.8))
    shapes.append(_polygon(contours[:, face.opening("lips-outer")], _LIPS))
    shapes.append(_polygon(contours[:, face.opening("lips-inner")], _INSIDE))
    return shapes


def _arm(joints: Array, signer: Signer, wide: float) -> list[_Shape]:
    """Sleeve and forearm; ``joints`` are shoulder, elbow, wrist, hip."""
    sleeve = _shade(signer.shirt, 1.25)
    return [
        _dot(joints[:, 0], 0.22 * wide, sleeve),
        *_line(joints[:, :2], 0.21 * wide, sleeve),
        *_line(joints[:, 1:3], 0.16 * wide, sleeve),
    ]


def _hand(hand: Array, signer: Signer, wide: float) -> list[_Shape]:
    """Palm, then fingers from the farthest to the nearest, each with a dark rim."""
    rim, width = _shade(signer.skin, 0.5), 0.062 * wide
    palm, fingers = hand[:, _PALM], hand[:, _FINGERS]  # (t, 7, 3), (t, 5, 4, 3)
    nearest_last = np.argsort(-fingers[..., 2].mean(axis=-1), axis=1)
    fingers = np.take_along_axis(fingers, nearest_last[:, :, None, None], axis=1)
    shapes = [*_line(palm, width + 3, rim), _polygon(palm, signer.skin)]
    shapes += _line(palm, width, signer.skin)
    for turn in range(len(_FINGERS)):
        shapes += _line(fingers[:, turn], width + 3, rim)
        shapes += _line(fingers[:, turn], width, signer.skin)
    return shapes
