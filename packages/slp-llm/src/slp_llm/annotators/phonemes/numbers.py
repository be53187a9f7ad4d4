"""Numbers in English words."""

from __future__ import annotations

_SMALL, _TENS = (
    words.split()
    for words in (
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
        "fifteen sixteen seventeen eighteen nineteen",
        "twenty thirty forty fifty sixty seventy eighty ninety",
    )
)
_GROUPS = ((1_000_000, "million"), (1000, "thousand"), (100, "hundred"))


def spoken(written: str) -> list[str]:
    """``23`` to ``twenty three``, ``1,500`` to ``one thousand five hundred``, ``3.5`` to ``three
    point five``.

    A whole part that begins with 0 or has ten digits or more is read digit by digit.
    """
    whole, point, rest = written.replace(",", "").partition(".")
    if len(whole) > 9 or (whole.startswith("0") and len(whole) > 1):
        words = [_SMALL[int(digit)] for digit in whole]
    else:
        words = _cardinal(int(whole))
    return words + ["point"] * bool(point) + [_SMALL[int(digit)] for digit in rest]


def _cardinal(number: int) -> list[str]:
    for size, name in _GROUPS:
        if number >= size:
            many, rest = divmod(number, size)
            return [*_cardinal(many), name, *(_cardinal(rest) if rest else [])]
    if number < 20:
        return [_SMALL[number]]
    tens, ones = divmod(number, 10)
    return [_TENS[tens - 2], *([_SMALL[ones]] if ones else [])]
