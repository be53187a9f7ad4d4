"""The body: kinematics, and the layout and coordinates of the points."""

from __future__ import annotations

import os
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from pose_format import Pose
from pose_format.utils.generic import reduce_holistic

from slp_encoders.synthetic import face
from slp_encoders.synthetic.grammar import Sentence
from slp_encoders.synthetic.lexicon import LEXICON
from slp_encoders.synthetic.motion import articulate, perform
from slp_encoders.synthetic.phonology import LETTERS, MOUTHINGS
from slp_encoders.synthetic.pose_file import HAND_LIMBS, track, write_pose
from slp_encoders.synthetic.signer import Signer
from slp_encoders.synthetic.skeleton import SIZE, Points, hand_points, place

SHARED = Path(os.environ.get("SLP_SHARED_DATA", Path(__file__).parents[5] / "shared" / "data"))
SENTENCE = Sentence(tuple(LEXICON[gloss] for gloss in ("TODAY", "RAIN", "WEST")), "", "")


def _points(signer: Signer) -> Points:
    random = np.random.default_rng(0)
    return place(perform(SENTENCE, signer, random), signer, random)


@given(st.lists(st.floats(-180, 180), min_size=18, max_size=18))
def test_bones_keep_their_length(angles: list[float]) -> None:
    hands = hand_points(np.array([angles, np.zeros(18)]))
    # the arch of the knuckles is part of the palm, every other limb is a bone
    lengths = np.array([hands[:, b] - hands[:, a] for a, b in HAND_LIMBS])
    lengths = np.linalg.norm(lengths, axis=-1)
    np.testing.assert_allclose(lengths[:, 0], lengths[:, 1], atol=1e-12)


def test_straight_fingers_reach_as_far_as_their_bones() -> None:
    hand = hand_points(np.zeros(18))
    np.testing.assert_allclose(hand[12], (-0.05, -0.52 - 0.28 - 0.17 - 0.12, 0), atol=1e-12)
    np.testing.assert_allclose(hand[0], 0)


def test_a_right_angle_points_the_finger_at_the_viewer() -> None:
    angles = np.zeros(18)
    angles[0] = 90  # the index finger's first joint
    np.testing.assert_allclose(hand_points(angles)[8], (-0.17, -0.5, -0.51), atol=1e-12)


def test_letters_can_be_told_apart_in_the_picture() -> None:
    laxest, noise = 0.2, 0.014 * 0.6 / 0.52  # in hand lengths
    hands = {
        letter: hand_points(articulate(shape, laxest))[:, :2] for letter, shape in LETTERS.items()
    }
    for one, other in combinations(hands, 2):
        distances = np.linalg.norm(hands[one] - hands[other], axis=-1)
        assert distances.max() > 8 * noise, (one, other)


def test_mouthings_can_be_told_apart_and_move_only_the_lips() -> None:
    shapes = face.face_points(np.array(list(MOUTHINGS.values())))
    lips = sorted(
        {point for name in face.CONTOURS if "lips" in name for point in face.indices(name)}
    )
    still = np.delete(shapes, lips, axis=1)
    assert np.ptp(still, axis=0).max() == 0
    for one, other in combinations(shapes[:, lips], 2):
        assert np.abs(one - other).max() > 0.01


def test_arms_keep_their_length(signer: Signer) -> None:
    body = _points(evolve(signer, sway=0.0)).body
    for shoulder in (0, 1):
        upper = np.linalg.norm(body[:, shoulder + 2] - body[:, shoulder], axis=-1)
        np.testing.assert_allclose(upper, upper[0], rtol=1e-9)


def test_a_left_handed_signer_is_the_mirror_image(signer: Signer) -> None:
    right, left = _points(signer), _points(evolve(signer, left_handed=True))
    # the sway and the camera's place are drawn alike: take them out
    mirror = (-1, 1, 1)

    def relative(points: Points, hand: str, swap: bool) -> np.ndarray:
        seen = getattr(points, hand) - points.body[:, :2].mean(axis=1, keepdims=True)
        return seen * mirror if swap else seen

    np.testing.assert_allclose(
        relative(right, "right", True), relative(left, "left", False), atol=1e-9
    )
    assert np.array_equal(right.right_seen, left.left_seen)
    assert not right.left_seen.all() and right.right_seen.any()


def test_the_pose_file_is_a_reduced_holistic_pose(signer: Signer, tmp_path: Path) -> None:
    tracked = track(_points(signer), signer, np.random.default_rng(0))
    write_pose(tmp_path / "a.pose", tracked)
    pose = Pose.read((tmp_path / "a.pose").read_bytes())
    assert pose.body.data.shape == (len(tracked.data), 1, 178, 3)
    assert pose.body.fps == 25 and pose.header.dimensions.width == SIZE
    reduced = reduce_holistic(pose)
    for before, after in zip(pose.header.components, reduced.header.components, strict=True):
        assert (before.name, before.points) == (after.name, after.points)
    np.testing.assert_array_equal(pose.body.data.data[:, 0], tracked.data)
    np.testing.assert_array_equal(pose.body.confidence[:, 0], tracked.confidence)


def test_a_lost_hand_is_all_zeros(signer: Signer) -> None:
    careless = evolve(signer, dropout=0.5)
    tracked = track(_points(careless), careless, np.random.default_rng(0))
    lost = tracked.confidence == 0
    assert lost[:, 157:].any() and not lost[:, 157:].all() and not lost[:, :136].any()
    assert (tracked.data[lost] == 0).all() and np.isfinite(tracked.data).all()


def test_the_layout_is_that_of_real_files(signer: Signer, tmp_path: Path) -> None:
    real = sorted((SHARED / "fingerspelling").glob("*/*.pose"))
    if not real:
        pytest.skip(f"no real fingerspelling poses in {SHARED}")
    write_pose(tmp_path / "a.pose", track(_points(signer), signer, np.random.default_rng(0)))
    headers = [Pose.read(path.read_bytes()).header for path in (real[0], tmp_path / "a.pose")]
    layouts = [[(c.name, c.format, c.points) for c in header.components] for header in headers]
    assert layouts[0] == layouts[1]
