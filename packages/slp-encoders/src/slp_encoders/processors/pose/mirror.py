"""Left for right: which point of a reduced MediaPipe Holistic becomes which in a mirror."""

from __future__ import annotations

import numpy as np

from slp_encoders.processors.pose.hand import POINTS

#: Contour points of the face mesh in pairs, right side of the face and left; the rest of the
#: contours lie in the middle.
FACE_PAIRS = (
    (7, 249), (21, 251), (33, 263), (37, 267), (39, 269), (40, 270), (46, 276), (52, 282),
    (53, 283), (54, 284), (55, 285), (58, 288), (61, 291), (63, 293), (65, 295), (66, 296),
    (67, 297), (70, 300), (78, 308), (80, 310), (81, 311), (82, 312), (84, 314), (87, 317),
    (88, 318), (91, 321), (93, 323), (95, 324), (103, 332), (105, 334), (107, 336), (109, 338),
    (127, 356), (132, 361), (133, 362), (136, 365), (144, 373), (145, 374), (146, 375),
    (148, 377), (149, 378), (150, 379), (153, 380), (154, 381), (155, 382), (157, 384),
    (158, 385), (159, 386), (160, 387), (161, 388), (162, 389), (163, 390), (172, 397),
    (173, 398), (176, 400), (178, 402), (181, 405), (185, 409), (191, 415), (234, 454),
    (246, 466),
)  # fmt: skip
FACE_MIDDLE = (0, 10, 13, 14, 17, 152)
_BODY = ("SHOULDER", "ELBOW", "WRIST", "HIP")
_HAND = ("WRIST", *(
    f"{finger}_{joint}"
    for finger, joints in (
        ("THUMB", ("CMC", "MCP", "IP", "TIP")),
        *((f, ("MCP", "PIP", "DIP", "TIP"))
          for f in ("INDEX_FINGER", "MIDDLE_FINGER", "RING_FINGER", "PINKY")),
    )
    for joint in joints
))  # fmt: skip

#: (component, point) of a reduced MediaPipe Holistic, in its order.
HOLISTIC: tuple[tuple[str, str], ...] = (
    *(("POSE_LANDMARKS", f"{side}_{joint}") for joint in _BODY for side in ("LEFT", "RIGHT")),
    *(("FACE_LANDMARKS", str(point)) for point in sorted({*sum(FACE_PAIRS, ()), *FACE_MIDDLE})),
    *((f"{side}_HAND_LANDMARKS", point) for side in ("LEFT", "RIGHT") for point in _HAND),
)


def holistic_mirror() -> np.ndarray:
    """For each of the 178 points, the index of the point it shows in a mirror."""
    face = {str(a): str(b) for pair in FACE_PAIRS for a, b in (pair, pair[::-1])}
    where = {name: index for index, name in enumerate(HOLISTIC)}
    return np.array([
        where[_swap_side(component), face.get(point, _swap_side(point))]
        for component, point in HOLISTIC
    ])  # fmt: skip


def hands_mirror() -> np.ndarray:
    """The same for two hands, the left one first."""
    return np.roll(np.arange(2 * POINTS), POINTS)


def _swap_side(name: str) -> str:
    side, _, rest = name.partition("_")
    return {"LEFT": "RIGHT_", "RIGHT": "LEFT_"}.get(side, f"{side}_") + rest if rest else name
