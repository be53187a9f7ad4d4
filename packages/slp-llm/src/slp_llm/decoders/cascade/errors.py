"""The errors of an expert, counted."""

from __future__ import annotations

from collections.abc import Sequence


def error_rates(hypotheses: Sequence[str], references: Sequence[str]) -> dict[str, float]:
    """How often an expert leaves out, mistakes and adds a word: ``drop``, ``substitute`` and
    ``insert``, each over the number of words of all references.

    Words stand between blanks. Of the alignments with the fewest errors (Levenshtein 1966) that
    with the fewest mistaken words counts.

    Raises:
        ValueError: the references have no word, or are not as many as the hypotheses.
    """
    words = sum(len(reference.split()) for reference in references)
    if not words:
        raise ValueError("the references have no word")
    each = [
        _errors(said.split(), meant.split())
        for said, meant in zip(hypotheses, references, strict=True)
    ]
    substituted, dropped, inserted = (
        sum(kind) / words for kind in list(zip(*each, strict=True))[1:]
    )
    return {"drop": dropped, "substitute": substituted, "insert": inserted}


def _errors(said: list[str], meant: list[str]) -> tuple[int, int, int, int]:
    """The errors of the best alignment: all, words substituted, dropped and inserted."""
    row = [(n, 0, 0, n) for n in range(len(said) + 1)]
    for i, word in enumerate(meant, start=1):
        before, row = row, [(i, 0, i, 0)]
        for j, other in enumerate(said, start=1):
            wrong = int(word != other)
            row.append(
                min(
                    _plus(before[j - 1], (wrong, wrong, 0, 0)),
                    _plus(before[j], (1, 0, 1, 0)),
                    _plus(row[j - 1], (1, 0, 0, 1)),
                )
            )
    return row[-1]


def _plus(
    one: tuple[int, int, int, int], other: tuple[int, int, int, int]
) -> tuple[int, int, int, int]:
    return (one[0] + other[0], one[1] + other[1], one[2] + other[2], one[3] + other[3])
