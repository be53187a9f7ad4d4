"""The 21 points of a hand, as MediaPipe and OpenPose order them: the wrist, then four of each
finger from the thumb on."""

from __future__ import annotations

POINTS = 21
WRIST, THUMB = 0, 4
KNUCKLES = [5, 9, 13, 17]  #: of the four fingers
TIPS = [4, 8, 12, 16, 20]
#: the joint before each joint, on the way from the wrist
BEFORE = [0, 0, 1, 2, 3, 0, 5, 6, 7, 0, 9, 10, 11, 0, 13, 14, 15, 0, 17, 18, 19]
