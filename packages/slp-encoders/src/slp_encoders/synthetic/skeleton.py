"""The body: forward kinematics from articulators to the 178 points, in pixels.

The points are those of MediaPipe Holistic after pose-format's ``reduce_holistic``: 8 of the body,
128 of the face's contours, 21 of each hand.
"""

from __future__ import annotations

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from slp_encoders.synthetic.face import CENTRE, face_points
from slp_encoders.synthetic.motion import FPS, Array, Motion
from slp_encoders.synthetic.phonology import SIGHT
from slp_encoders.synthetic.signer import Signer

SIZE = 192  #: width and height of the picture, in pixels

# the hand at rest, in hand lengths: right hand, palm to the viewer, fingers up
_KNUCKLES = np.array([(-0.17, -0.50), (-0.05, -0.52), (0.07, -0.49), (0.18, -0.44)])
_PHALANGES = np.array(
    [(0.25, 0.15, 0.11), (0.28, 0.17, 0.12), (0.26, 0.16, 0.12), (0.20, 0.12, 0.10)]
)
_THUMB_ROOT = np.array((-0.12, -0.12, 0.0))
_THUMB_BONES = (0.22, 0.18, 0.14)
_THIRD_JOINT = 0.6  # bends with the second
_HAND = 0.52  # hand length in shoulder widths
_UPPER_ARM, _FOREARM = 0.84, 0.78
_HIPS = (0.34, 1.45)


@frozen
class Points:
    """All points of a clip in pixels, (t, points, 3), before any tracking noise."""

    body: Array
    face: Array
    left: Array
    right: Array
    left_seen: NDArray[np.bool_]  # (t,)
    right_seen: NDArray[np.bool_]  # (t,)


def hand_points(angles: Array) -> Array:
    """Angles (..., 18) to the 21 points of a hand about its wrist, (..., 21, 3), in hand lengths.

    The hand is a right hand seen with x to its little finger's side.
    """
    angles = np.radians(angles)
    flexions = angles[..., :8].reshape(*angles.shape[:-1], 4, 2)
    spreads = angles[..., 8:12]
    first, second = flexions[..., 0], flexions[..., 1]
    bends = np.stack(
        [first, first + second, first + second * (1 + _THIRD_JOINT)], axis=-1
    )  # (..., 4 fingers, 3 bones)
    bones = _direction(spreads[..., None], bends) * _PHALANGES[..., None]
    roots = np.zeros((4, 1, 3))
    roots[:, 0, :2] = _KNUCKLES
    joints = np.concatenate(
        [np.broadcast_to(roots, (*bones.shape[:-2], 1, 3)), roots + np.cumsum(bones, axis=-2)],
        axis=-2,
    )  # (..., 4 fingers, 4 joints, 3)
    fingers = joints.reshape(*angles.shape[:-1], 16, 3)
    outwards, front, bend = angles[..., 12], angles[..., 13], angles[..., 14]
    thumb = [np.broadcast_to(_THUMB_ROOT, fingers[..., 0, :].shape)]
    for length, share in zip(_THUMB_BONES, (0.0, 0.6, 1.1), strict=True):
        bone = _direction(-(outwards - share * bend), front) * length
        thumb.append(thumb[-1] + bone)
    wrist = np.zeros_like(fingers[..., :1, :])
    points = np.concatenate([wrist, np.stack(thumb, axis=-2), fingers], axis=-2)
    return _turn_hand(points, angles[..., 15:])


def _direction(sideways: Array, forward: Array) -> Array:
    """The unit vector that leaves "up" by an angle in the palm's plane and one out of it."""
    sideways, forward = np.broadcast_arrays(sideways, forward)
    return np.stack(
        [
            np.sin(sideways) * np.cos(forward),
            -np.cos(sideways) * np.cos(forward),
            -np.sin(forward),
        ],
        axis=-1,
    )


def _turn_hand(points: Array, turns: Array) -> Array:
    """Rotate about the hand's long axis, tilt to the viewer, then turn in the image plane."""
    roll, twist, tilt = (turns[..., None, axis] for axis in range(3))
    x, y, z = points[..., 0], points[..., 1], points[..., 2]
    x, z = x * np.cos(twist) + z * np.sin(twist), z * np.cos(twist) - x * np.sin(twist)
    y, z = y * np.cos(tilt) - z * np.sin(tilt), z * np.cos(tilt) + y * np.sin(tilt)
    x, y = x * np.cos(roll) + y * np.sin(roll), y * np.cos(roll) - x * np.sin(roll)
    return np.stack([x, y, z], axis=-1)


def _elbow(shoulder: Array, wrist: Array, arm: float) -> Array:
    """The elbow between them: two bones, bent outwards and down."""
    upper, fore = _UPPER_ARM * arm, _FOREARM * arm
    line = wrist - shoulder
    reach = np.linalg.norm(line, axis=-1, keepdims=True)
    line = line / reach
    reach = np.minimum(reach, 0.999 * (upper + fore))
    along = (upper**2 - fore**2 + reach**2) / (2 * reach)
    aside = np.sqrt(np.maximum(upper**2 - along**2, 0))
    pole = np.array((0.45, 1.0, 0.35))
    pole = pole - np.sum(pole * line, axis=-1, keepdims=True) * line
    return shoulder + along * line + aside * pole / np.linalg.norm(pole, axis=-1, keepdims=True)


def place(motion: Motion, signer: Signer, random: np.random.Generator) -> Points:
    """Give a motion a body, and put it before the signer's camera.

    Args:
        random: decides how the body sways and where exactly the camera stands.
    """
    wrists = motion.wrists * (1, signer.torso, 1)  # (t, side, 3), the dominant side first
    hands = hand_points(motion.hands) * (_HAND * signer.hand) + wrists[:, :, None]
    shoulders = np.broadcast_to((0.5, 0.0, 0.0), wrists.shape)
    elbows = _elbow(shoulders, wrists, signer.arm)
    hips = np.broadcast_to((_HIPS[0], _HIPS[1] * signer.torso, 0.0), wrists.shape)
    arms = np.stack([shoulders, elbows, wrists, hips], axis=2)  # (t, side, 4, 3)
    left, right = (0, 1) if signer.left_handed else (1, 0)
    hands[:, right, :, 0] *= -1  # the signer's right is on the picture's left
    arms[:, right, :, 0] *= -1
    body = np.stack([arms[:, left], arms[:, right]], axis=2).reshape(len(motion), 8, 3)
    face = face_points(motion.mouth * (signer.lips, 1, 1)) * signer.head + CENTRE
    seen = motion.wrists[..., 1] < SIGHT
    sway = _sway(len(motion), signer.sway, random)
    shift = random.normal(0, 0.008, 2)

    def see(points: Array) -> Array:
        return _project(points, signer, shift)

    return Points(
        body=see(body + 0.5 * sway),
        face=see(face + sway),
        left=see(hands[:, left] + 0.5 * sway),
        right=see(hands[:, right] + 0.5 * sway),
        left_seen=seen[:, left],
        right_seen=seen[:, right],
    )


def _sway(frames: int, size: float, random: np.random.Generator) -> Array:
    """A slow rocking of the body, (t, 1, 3), in shoulder widths."""
    times = np.arange(frames)[:, None] / FPS
    rates, phases = random.uniform(0.3, 0.9, 3), random.uniform(0, 2 * np.pi, 3)
    rocking = np.sin(2 * np.pi * rates * times + phases)
    return (rocking * (size, 0.3 * size, size))[:, None]


def _project(points: Array, signer: Signer, shift: Array) -> Array:
    """Shoulder widths to pixels: the body's turn, the camera's roll, scale and place."""
    yaw, roll = np.radians(signer.yaw), np.radians(signer.roll)
    x, y, z = points[..., 0], points[..., 1], points[..., 2]
    x, z = x * np.cos(yaw) + z * np.sin(yaw), z * np.cos(yaw) - x * np.sin(yaw)
    x, y = x * np.cos(roll) - y * np.sin(roll), x * np.sin(roll) + y * np.cos(roll)
    seen = np.stack([x, y, z], axis=-1) * signer.scale
    seen[..., :2] += np.asarray(signer.centre) + shift
    return seen * SIZE
