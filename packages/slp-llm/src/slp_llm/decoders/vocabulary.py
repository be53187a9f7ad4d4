"""Training a tokenizer on the training text (Hugging Face ``tokenizers``, sentencepiece)."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from slp_core.errors import UserError
from slp_llm.decoders.config import Vocabulary

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

SPECIAL = {"pad_token": "<pad>", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
_UNKNOWN = SPECIAL["unk_token"]
#: Signs that sentencepiece uses itself: for a blank, boundaries and the end.
_SENTENCEPIECE = ("▁", "▅", "\x1f", "\0")


def train_tokenizer(
    config: Vocabulary, texts: Sequence[str], where: str
) -> PreTrainedTokenizerFast:
    """A tokenizer of the text. Decoding gives text that was seen back exactly, except that
    words (``word``) are joined by one blank, whatever was between them.

    ``<pad>``, ``<s>``, ``</s>`` and ``<unk>`` are the ids 0 to 3. The same text gives the same
    tokenizer.

    Raises:
        UserError: the vocabulary is too small for the characters of the text, or the text holds
            something that has a meaning to the tokenizer.
    """
    from tokenizers import normalizers
    from transformers import PreTrainedTokenizerFast

    where = f"{where}.vocabulary"
    for token in [*SPECIAL.values(), *(_SENTENCEPIECE if config.kind == "unigram" else ())]:
        if held := next((text for text in texts if token in text), None):
            raise UserError(
                f"{where}: {token!r} has a meaning of its own and cannot be text, as in {held!r}"
            )
    if config.lower:
        texts = [normalizers.Lowercase().normalize_str(text) for text in texts]
    train = {"bpe": _subwords, "unigram": _unigram}.get(config.kind, _pieces)
    try:
        tokenizer = train(config, texts)
    except RuntimeError as error:
        raise UserError(f"{where}: size = {config.size}: {error}") from error
    if tokenizer.get_vocab_size() > config.size:  # BPE keeps every character
        raise UserError(
            f"{where}: size = {config.size} is too small: the characters of the training text "
            f"alone need {tokenizer.get_vocab_size()}"
        )
    if config.lower:
        steps: list[Any] = [normalizers.Lowercase(), tokenizer.normalizer]
        tokenizer.normalizer = normalizers.Sequence([step for step in steps if step is not None])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, clean_up_tokenization_spaces=False, **SPECIAL
    )


def _options(config: Vocabulary) -> dict[str, Any]:
    return {
        "vocab_size": config.size,
        "min_frequency": config.min_count,
        "special_tokens": list(SPECIAL.values()),
        "show_progress": False,
    }


def _pieces(config: Vocabulary, texts: Sequence[str]) -> Tokenizer:
    """Every word, or every character, is a token."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer: Any = Tokenizer(models.WordLevel(unk_token=_UNKNOWN))
    if config.kind == "word":
        tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    else:
        tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
        tokenizer.decoder = decoders.Fuse()
    tokenizer.train_from_iterator(texts, trainers.WordLevelTrainer(**_options(config)))
    return tokenizer


def _subwords(config: Vocabulary, texts: Sequence[str]) -> Tokenizer:
    """Byte-pair encoding (Sennrich et al., arXiv:1508.07909)."""
    from tokenizers import Tokenizer, models, trainers

    tokenizer = _with_blanks(Tokenizer(models.BPE(unk_token=_UNKNOWN)))
    tokenizer.train_from_iterator(texts, trainers.BpeTrainer(**_options(config)))
    return tokenizer


def _unigram(config: Vocabulary, texts: Sequence[str]) -> Tokenizer:
    """Unigram language model (Kudo, arXiv:1804.10959). Sentencepiece trains it: the trainer of
    ``tokenizers`` gives other scores each time.
    """
    from sentencepiece import SentencePieceProcessor, SentencePieceTrainer
    from tokenizers import Tokenizer, models

    trained = io.BytesIO()
    SentencePieceTrainer.train(
        sentence_iterator=iter(texts),
        model_writer=trained,
        vocab_size=config.size - 1,  # it has no <pad>
        hard_vocab_limit=False,
        character_coverage=1.0,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        max_sentence_length=2**30,
        num_threads=1,
        minloglevel=3,
    )
    model = SentencePieceProcessor(model_proto=trained.getvalue())
    pieces = [(token, 0.0) for token in SPECIAL.values()]
    pieces += [
        (model.id_to_piece(number).replace("▁", " "), model.get_score(number))
        for number in range(3, len(model))  # after its own <unk>, <s>, </s>
    ]
    return _with_blanks(Tokenizer(models.Unigram(pieces, unk_id=3)))


def _with_blanks(tokenizer: Any) -> Any:
    """Subwords begin with the blank before them; a blank before the first word is added for
    encoding and taken off again after decoding."""
    from tokenizers import decoders, normalizers, pre_tokenizers

    tokenizer.normalizer = normalizers.Prepend(" ")
    tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_next")
    tokenizer.decoder = decoders.Sequence([decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    return tokenizer
