"""Parting a clip's characters into words."""

from __future__ import annotations

from collections.abc import Set


def segment(text: str, words: Set[str], longest: int) -> list[str]:
    """Part a text into words, always the longest that fits; a single character always does.

    One pass that needs no order of merges, and so works for any set of words: the transport may
    have dropped what a kept word was merged from. The words joined are the text again.
    """
    parted, start = [], 0
    while start < len(text):
        end = min(start + longest, len(text))
        while end > start + 1 and text[start:end] not in words:
            end -= 1
        parted.append(text[start:end])
        start = end
    return parted
