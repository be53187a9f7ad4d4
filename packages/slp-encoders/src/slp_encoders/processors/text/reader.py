"""Text to token ids, with a vocabulary learnt from the training rows."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

from slp_core.context import Context
from slp_core.errors import UserError
from slp_core.files import whole_file
from slp_core.signals import Clip, Processor, Signal, SignalError
from slp_encoders.hub import loading
from slp_encoders.processors.text.spec import TextConfig

SPECIAL = ("<pad>", "<unk>")  #: ids 0 and 1
FILE = "tokenizer.json"


class TextReader(Processor):
    """A text, verbatim, to ``t`` int64 token ids. Units that training never saw are ``<unk>``."""

    reads_files = False
    config: TextConfig

    def __init__(self, config: TextConfig, context: Context = Context()) -> None:  # noqa: B008
        super().__init__(config, context)
        if context.assets is not None:
            self.tokenizer = Tokenizer.from_file(str(context.assets / FILE))
        elif config.tokenizer is not None:
            self.tokenizer = _pretrained(config.tokenizer, context.path)
        elif context.train is not None:
            self.tokenizer = learn(config, context.train.column(context.signal))
        else:
            raise UserError(
                f"{context.path or 'text'}: a vocabulary is learnt from training rows and there "
                "are none; give them, or write `tokenizer`"
            )
        self.unknown = _unknown(self.tokenizer)
        self.units = _units(self.tokenizer, self.unknown)
        if config.drop and self.unknown is None:
            raise UserError(
                f"{context.path or 'text'}: the tokenizer {config.tokenizer} has no unknown unit "
                "that `drop` could put in"
            )

    def read(self, clip: Clip) -> Signal:
        ids = self.tokenizer.encode(clip.source, add_special_tokens=False).ids
        if not clip.source.strip() or not ids:
            raise SignalError("the text is empty")
        return Signal(np.array(ids, dtype=np.int64), float("nan"))

    def augment(self, signal: Signal, rng: np.random.Generator) -> Signal:
        """Errors, each unit's by itself: the unknown one in its place with probability ``drop``,
        another of the vocabulary (each as likely) with ``substitute``, and any of them beside it,
        before or behind, with ``insert``."""
        values, drop = signal.values, self.config.drop
        if not (drop or self.config.substitute or self.config.insert):
            return signal
        chance = rng.random(len(values))
        if drop and self.unknown is not None:
            values = np.where(chance < drop, self.unknown, values)
        if self.config.substitute:
            wrong = (drop <= chance) & (chance < drop + self.config.substitute)
            steps = rng.integers(1, max(2, len(self.units)), len(values))
            others = (np.searchsorted(self.units, values) + steps) % len(self.units)
            values = np.where(wrong, self.units[others], values)
        if self.config.insert:
            places = np.flatnonzero(rng.random(len(values)) < self.config.insert)
            behind = rng.integers(2, size=len(places))
            values = np.insert(values, places + behind, rng.choice(self.units, len(places)))
        return Signal(values, signal.rate)

    def sizes(self) -> dict[str, int]:
        return {"vocabulary": 1 + max(self.tokenizer.get_vocab().values())}

    def save_assets(self, folder: Path) -> None:
        with whole_file(folder / FILE) as beside:
            self.tokenizer.save(str(beside))


def learn(config: TextConfig, texts: Iterable[str]) -> Tokenizer:
    """The tokenizer of these texts. The most frequent units stay, ties in order of spelling."""
    if config.vocabulary == "bpe":
        return _learn_pieces(config, texts)
    words = config.vocabulary == "word"
    split = pre_tokenizers.WhitespaceSplit() if words else _characters()
    tokenizer = _with(Tokenizer(models.WordLevel({}, unk_token=SPECIAL[1])), config, split)
    counts: Counter[str] = Counter()
    for text in texts:
        normal = tokenizer.normalizer.normalize_str(text) if tokenizer.normalizer else text
        counts.update(unit for unit, _ in split.pre_tokenize_str(normal))
    kept = {unit for unit, count in counts.items() if count >= config.min_count} - {*SPECIAL}
    frequent = sorted(kept, key=lambda unit: (-counts[unit], unit))
    units = [*SPECIAL, *frequent][: config.size]
    ids = {unit: number for number, unit in enumerate(units)}
    tokenizer.model = models.WordLevel(ids, unk_token=SPECIAL[1])
    return tokenizer


def _learn_pieces(config: TextConfig, texts: Iterable[str]) -> Tokenizer:
    """Byte-pair encoding (arXiv:1508.07909); a piece that begins a word begins with ``▁``."""
    model = models.BPE(unk_token=SPECIAL[1])
    tokenizer = _with(Tokenizer(model), config, pre_tokenizers.Metaspace())
    trainer = trainers.BpeTrainer(
        vocab_size=config.size,
        min_frequency=config.min_count,
        special_tokens=list(SPECIAL),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def _with(
    tokenizer: Tokenizer, config: TextConfig, split: pre_tokenizers.PreTokenizer
) -> Tokenizer:
    tokenizer.pre_tokenizer = split
    if config.lower:
        tokenizer.normalizer = normalizers.Lowercase()
    return tokenizer


def _characters() -> pre_tokenizers.PreTokenizer:
    return pre_tokenizers.Split(Regex("."), "isolated")


def _pretrained(name: str, path: str) -> Tokenizer:
    from transformers import AutoTokenizer

    with loading("tokenizer", name, path, key="tokenizer"):
        tokenizer = AutoTokenizer.from_pretrained(name, trust_remote_code=False)
    if not tokenizer.is_fast:
        raise UserError(f"{path or 'text'}: the tokenizer {name} has no {FILE}, one is needed")
    return tokenizer.backend_tokenizer


def _units(tokenizer: Tokenizer, unknown: int | None) -> np.ndarray:
    """The ids that stand for text, ascending."""
    special = {
        number for number, one in tokenizer.get_added_tokens_decoder().items() if one.special
    }
    special |= {number for word in SPECIAL if (number := tokenizer.token_to_id(word)) is not None}
    return np.array(sorted({*tokenizer.get_vocab().values()} - special - {unknown}), dtype=np.int64)


def _unknown(tokenizer: Tokenizer) -> int | None:
    """The id that stands for what the vocabulary lacks, if the tokenizer has one."""
    model = json.loads(tokenizer.to_str())["model"]
    if model.get("unk_id") is not None:  # the unigram model tells the id, the others the word
        return model["unk_id"]
    word = model.get("unk_token")
    return None if word is None else tokenizer.token_to_id(word)
