"""Tiny random checkpoints of the families of encoder-decoders, made on the spot."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import sentencepiece
import torch
from transformers import (
    BartConfig,
    BartForConditionalGeneration,
    M2M100Config,
    M2M100ForConditionalGeneration,
    M2M100Tokenizer,
    MarianConfig,
    MarianMTModel,
    MarianTokenizer,
    MBart50Tokenizer,
    MBartConfig,
    MBartForConditionalGeneration,
    MBartTokenizer,
    MT5Config,
    MT5ForConditionalGeneration,
    NllbTokenizer,
    PreTrainedTokenizerFast,
    T5Config,
    T5ForConditionalGeneration,
    T5Tokenizer,
)
from transformers.models.m2m_100 import tokenization_m2m_100
from transformers.models.mbart import tokenization_mbart

TEXT = [
    "am tag scheint die sonne .",
    "und nun die wettervorhersage für morgen .",
    "im süden regnet es heute nacht .",
    "translate the signs into german",
    "der wind weht schwach bis mäßig aus west",
]
WIDTH = 16
SMALL: dict[str, Any] = {
    "d_model": WIDTH, "encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 2,
    "decoder_attention_heads": 2, "encoder_ffn_dim": 24, "decoder_ffn_dim": 24, "init_std": 0.3,
    "max_position_embeddings": 64,
}  # fmt: skip
SMALL_T5: dict[str, Any] = {
    "d_model": WIDTH, "d_kv": 8, "d_ff": 24, "num_layers": 2, "num_heads": 2,
    "decoder_start_token_id": 0, "initializer_factor": 1.0,
}  # fmt: skip


def _spm(folder: Path, name: str, size: int = 60) -> Path:
    buffer = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(TEXT * 4), model_writer=buffer, vocab_size=size,
        hard_vocab_limit=False, minloglevel=2,
    )  # fmt: skip
    (folder / name).write_bytes(buffer.getvalue())
    return folder / name


def _pieces(spm: Path) -> list[tuple[str, float]]:
    """Pieces with their scores, sentencepiece's own ``<unk> <s> </s>`` left out."""
    model = sentencepiece.SentencePieceProcessor(model_file=str(spm))
    return [(model.id_to_piece(n), model.get_score(n)) for n in range(3, model.vocab_size())]


def _fairseq(spm: Path) -> list[tuple[str, float]]:
    return [*((token, 0.0) for token in ("<s>", "<pad>", "</s>", "<unk>")), *_pieces(spm)]


def m2m100(folder: Path) -> None:
    spm = _spm(folder, "made.model")
    ids = {piece: n for n, (piece, _) in enumerate(_fairseq(spm))}
    (folder / "made.json").write_text(json.dumps(ids))
    tags = [f"__{code}__" for code in tokenization_m2m_100.FAIRSEQ_LANGUAGE_CODES["m2m100"]]
    tokenizer = M2M100Tokenizer(str(folder / "made.json"), str(spm), additional_special_tokens=tags)
    size = len(tokenizer) + tokenizer.num_madeup_words
    _save(folder, tokenizer, M2M100ForConditionalGeneration(M2M100Config(vocab_size=size, **SMALL)))


def nllb(folder: Path) -> None:
    pieces = [piece for piece, _ in _fairseq(_spm(folder, "made.model"))]
    letters = sorted({letter for piece in pieces[4:] for letter in piece})
    vocab = {piece: n for n, piece in enumerate([*pieces[:4], *letters])}
    tokenizer = NllbTokenizer(vocab=vocab, merges=[])
    config = M2M100Config(vocab_size=len(tokenizer), **SMALL)
    _save(folder, tokenizer, M2M100ForConditionalGeneration(config))


def mbart50(folder: Path) -> None:
    pieces = [("<unk>", 0.0), ("<s>", 0.0), ("</s>", 0.0), *_pieces(_spm(folder, "made.model"))]
    tokenizer = MBart50Tokenizer(vocab=pieces)
    config = MBartConfig(
        vocab_size=len(tokenizer), scale_embedding=True, decoder_start_token_id=2, **SMALL
    )
    _save(folder, tokenizer, MBartForConditionalGeneration(config))


def mbart25(folder: Path) -> None:
    spm = _spm(folder, "made.model")
    codes = [(code, 0.0) for code in [*tokenization_mbart.FAIRSEQ_LANGUAGE_CODES, "<mask>"]]
    tokenizer = MBartTokenizer(vocab=[*_fairseq(spm), *codes])
    config = MBartConfig(vocab_size=len(tokenizer), scale_embedding=True, **SMALL)
    _save(folder, tokenizer, MBartForConditionalGeneration(config))


def t5(folder: Path) -> None:
    _t5(folder, T5Config, T5ForConditionalGeneration)


def mt5(folder: Path) -> None:
    _t5(folder, MT5Config, MT5ForConditionalGeneration, tie_word_embeddings=False)


def _t5(folder: Path, config: Any, model: Any, **options: Any) -> None:
    special = [(token, 0.0) for token in ("<pad>", "</s>", "<unk>")]
    tokenizer = T5Tokenizer(vocab=[*special, *_pieces(_spm(folder, "made.model"))], extra_ids=4)
    _save(folder, tokenizer, model(config(vocab_size=len(tokenizer), **SMALL_T5, **options)))


def marian(folder: Path) -> None:
    source, target = _spm(folder, "made.source", 60), _spm(folder, "made.target", 50)
    pieces = sorted({piece for spm in (source, target) for piece, _ in _pieces(spm)})
    vocab = {piece: n for n, piece in enumerate(["</s>", "<unk>", *pieces, "<pad>"])}
    (folder / "made.json").write_text(json.dumps(vocab))
    tokenizer = MarianTokenizer(str(source), str(target), str(folder / "made.json"))
    pad = vocab["<pad>"]
    config = MarianConfig(
        vocab_size=len(vocab), scale_embedding=True, decoder_start_token_id=pad, pad_token_id=pad,
        eos_token_id=0, forced_eos_token_id=0, **SMALL,
    )  # fmt: skip
    _save(folder, tokenizer, MarianMTModel(config))


def bart(folder: Path) -> None:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    made.train_from_iterator(
        TEXT, trainers.BpeTrainer(vocab_size=60, special_tokens=special, show_progress=False)
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=made, bos_token="<s>", pad_token="<pad>", eos_token="</s>",
        unk_token="<unk>",
    )  # fmt: skip
    model = BartForConditionalGeneration(BartConfig(vocab_size=len(tokenizer), **SMALL))
    model.generation_config.forced_bos_token_id = 0
    _save(folder, tokenizer, model)


FAMILIES: dict[str, Callable[[Path], None]] = {
    "m2m100": m2m100, "nllb": nllb, "mbart50": mbart50, "mbart25": mbart25, "t5": t5, "mt5": mt5,
    "marian": marian, "bart": bart,
}  # fmt: skip


def _save(folder: Path, tokenizer: Any, model: Any) -> None:
    tokenizer.save_pretrained(folder)
    model.save_pretrained(folder)
    for made in folder.glob("made.*"):
        made.unlink()


def make(family: str, folder: Path) -> Path:
    """A checkpoint folder of the family, the same at each call."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    FAMILIES[family](folder)
    return folder
