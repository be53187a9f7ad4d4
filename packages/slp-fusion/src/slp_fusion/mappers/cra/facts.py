"""What there is to tell about a fit."""

from __future__ import annotations

from attrs import frozen

#: A word, as the numbers of its characters, and how often it stands in the training clips.
Counted = tuple[list[int], int]


@frozen(kw_only=True)
class Facts:
    """What ``CRA.fit`` tells, by the names in ``fit.json``. Counts are of the training clips."""

    part: str = "cra"  #: whose facts these are, among those of other parts
    alpha: float  #: the mean run length, in steps
    run_lengths: dict[str, int]  #: how many runs have each length that occurs
    slow: int  #: the number of the slow-down character
    codes: list[int]  #: how often each code is used
    clips: int
    steps: int
    characters: int  #: that the clips are compressed to
    words: int  #: that the characters are parted into
    candidates: int  #: words of several characters that were found
    per_character: bool  #: whether entropies are a character's or a word's
    entropies: list[tuple[int, float]]  #: each size that was tried, and its entropy in nats
    size: int  #: the one chosen, single characters included
    kept: int  #: words of several characters in it that are kept
    dropped: int  #: and those that are not
    character_error: float  #: the plan's greatest deviation from the characters' frequencies
    word_error: float  #: and from the words'
    longest_words: list[Counted]
    most_used_words: list[Counted]
    seconds: dict[str, float]  #: what each step of the fit took
