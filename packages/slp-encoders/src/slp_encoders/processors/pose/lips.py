"""The lips and the corners of the eyes among MediaPipe's points of a face."""

from __future__ import annotations

FACE = "FACE_LANDMARKS"
#: The outer corners of the eyes, whose distance an opening mouth leaves as it is.
EYES = ("33", "263")
#: Once around the lips outside, and once around them inside, from the right corner over the top.
LIPS = (
    "61", "185", "40", "39", "37", "0", "267", "269", "270", "409",
    "291", "375", "321", "405", "314", "17", "84", "181", "91", "146",
    "78", "191", "80", "81", "82", "13", "312", "311", "310", "415",
    "308", "324", "318", "402", "317", "14", "87", "178", "88", "95",
)  # fmt: skip
