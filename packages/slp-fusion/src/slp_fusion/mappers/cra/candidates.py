"""Candidate words: what byte-pair encoding makes of the training clips.

SignLLM ranks the words of its training sequences by frequency and does not say how it finds them;
VOLT, which it follows, takes byte-pair encoding. So does this. Enumerating all substrings would
be as cheap, but counts one stretch of a clip in many words. Merges part each clip into words that
do not overlap, so that at every size the words' frequencies and the characters' fit each other:
the parting itself is a transport plan that meets both.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

import numpy as np
from attrs import frozen
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array

FIRST = 0xF0000  # characters are of Unicode's private use, so that words are strings


def to_text(characters: Sequence[int] | NDArray[np.int64]) -> str:
    """Numbers of characters to a string."""
    return "".join(chr(FIRST + int(one)) for one in characters)


def to_characters(text: str) -> list[int]:
    """A string to the numbers of its characters."""
    return [ord(one) - FIRST for one in text]


@frozen(eq=False)
class Candidates:
    """Words: every single character first, then merges, the most frequent first.

    ``made``: how often each came to be, before later merges took it up; ``parts``: the numbers of
    the two words that each merge joins (``n 2``, single characters left out).
    """

    words: list[str]
    made: NDArray[np.int64]
    parts: NDArray[np.int64]

    @property
    def single(self) -> int:
        return len(self.words) - len(self.parts)

    def counts(self, size: int) -> NDArray[np.int64]:
        """How often each of the first ``size`` words stands in the training texts when these are
        parted into them alone, by the merges among them."""
        counts = self.made[:size].copy()
        merged = counts[self.single :].copy()
        for side in self.parts[: len(merged)].T:
            np.subtract.at(counts, side, merged)
        return counts


def find_candidates(
    texts: Sequence[str], characters: int, limit: int, longest: int, min_count: int
) -> Candidates:
    """Merge the most frequent pair of neighbours, again and again (Sennrich et al.,
    arXiv:1508.07909), into at most ``limit`` words of at most ``longest`` characters, each seen
    ``min_count`` times or more. ``characters``: how many there are, seen or not."""
    from tokenizers import Tokenizer
    from tokenizers.models import BPE
    from tokenizers.trainers import BpeTrainer

    tokenizer = Tokenizer(BPE())
    trainer = BpeTrainer(
        vocab_size=len(set().union(*texts)) + limit,
        min_frequency=min_count,
        max_token_length=longest + 1,  # the trainer stops one short of it
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    words = [to_text([one]) for one in range(characters)]
    number = {word: place for place, word in enumerate(words)}
    parts = []
    for left, right in json.loads(tokenizer.to_str())["model"]["merges"]:
        if left + right not in number:
            parts.append((number[left], number[right]))
            number[left + right] = len(words)
            words.append(left + right)
    final = Counter(word for found in tokenizer.encode_batch(texts) for word in found.tokens)
    made = [final[word] for word in words]
    for place in reversed(range(characters, len(words))):  # take the merges apart, the last first
        for part in parts[place - characters]:
            made[part] += made[place]
    return Candidates(words, np.array(made), np.array(parts, dtype=np.int64).reshape(-1, 2))


def occurrences(words: Sequence[str], characters: int) -> csr_array:
    """``c w``: how often each character stands in each word."""
    rows = to_characters("".join(words))
    columns = np.repeat(np.arange(len(words)), [len(word) for word in words])
    shape = (characters, len(words))
    return csr_array(coo_array((np.ones(len(rows)), (rows, columns)), shape=shape))
