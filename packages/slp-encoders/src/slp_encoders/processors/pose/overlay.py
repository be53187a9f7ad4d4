"""Frames of a film with the pose drawn over them, so that a person sees what was found."""

from __future__ import annotations

from base64 import b64encode
from io import BytesIO
from itertools import islice

import numpy as np
from PIL import Image

from slp_encoders.processors.pose.file import PoseFile
from slp_encoders.processors.video.film import Film, upright

#: Components drawn, and their colours; a face's mesh would hide the face.
COLOURS = {
    "POSE_LANDMARKS": "#fff",
    "LEFT_HAND_LANDMARKS": "#ff9f1c",
    "RIGHT_HAND_LANDMARKS": "#2ee6a8",
}
_PIXELS = 360  #: the longer side of a picture


def overlay(film: Film, file: PoseFile, chosen: list[int]) -> list[str]:
    """The chosen frames of a whole film as SVG for a box of 100 by 100, arms and hands drawn
    over them: white, the left hand orange, the right hand green."""
    drawn = []
    for number, (frame, matrix) in islice(enumerate(film.frames()), max(chosen) + 1):
        if number in chosen:
            picture = upright(frame.to_ndarray(format="rgb24"), matrix)
            drawn.append(_draw(picture, file, number))
    return drawn


def _draw(picture: np.ndarray, file: PoseFile, number: int) -> str:
    height, width = picture.shape[:2]
    scale = 100 / max(width, height)
    left, top = (100 - width * scale) / 2, (100 - height * scale) / 2
    places = file.coordinates[number, :, :2] * scale + (left, top)
    inside = (places >= (left, top)) & (places <= (100 - left, 100 - top))
    seen = (file.confidence[number] > 0) & inside.all(-1)
    lines, start = [], 0
    for part in file.header.components:
        if part.name in COLOURS:
            limbs = [(start + a, start + b) for a, b in part.limbs]
            path = "".join(
                "M{:.1f} {:.1f}L{:.1f} {:.1f}".format(*places[a], *places[b])
                for a, b in limbs
                if seen[a] and seen[b]
            )
            lines.append(
                f'<path d="{path}" fill="none" stroke="{COLOURS[part.name]}" '
                'stroke-width=".7" stroke-linecap="round"/>'
            )
        start += len(part.points)
    place = (
        f'x="{left:.1f}" y="{top:.1f}" width="{width * scale:.1f}" height="{height * scale:.1f}"'
    )
    return f'<image {place} href="{_data_url(picture)}"/>{"".join(lines)}'


def _data_url(picture: np.ndarray) -> str:
    image = Image.fromarray(np.ascontiguousarray(picture))
    image.thumbnail((_PIXELS, _PIXELS))
    content = BytesIO()
    image.save(content, "JPEG", quality=80)
    return f"data:image/jpeg;base64,{b64encode(content.getvalue()).decode()}"
