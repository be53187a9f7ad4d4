"""Tiny checkpoints, and rows to train a vocabulary on; nothing comes from the network."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from slp_core.batch import Sample, Tokens, collate
from slp_core.context import Context
from slp_core.manifest import Manifest, Row
from slp_core.parts import Decoder
from slp_core.sequence import Sequence
from slp_core.signals import Signal
from slp_llm.decoders.causal_lm.model import CausalLm
from slp_llm.decoders.causal_lm.spec import CausalLmConfig, CausalScratch
from slp_llm.decoders.seq2seq.model import Seq2Seq
from slp_llm.decoders.seq2seq.spec import Scratch, Seq2SeqConfig

sys.path.insert(0, str(Path(__file__).parent))  # for `tiny_checkpoints`

import tiny_causal_checkpoints
import tiny_checkpoints

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """The folder of a family's tiny checkpoint, made once."""
    made: dict[str, str] = {}

    def folder(family: str) -> str:
        if family not in made:
            path = tmp_path_factory.mktemp("checkpoints") / family
            causal = family in tiny_causal_checkpoints.FAMILIES
            made[family] = str(
                (tiny_causal_checkpoints if causal else tiny_checkpoints).make(family, path)
            )
        return made[family]

    return folder


@pytest.fixture(scope="session")
def context_of() -> Callable[..., Context]:
    """A context whose training rows are the given sentences."""

    def context(*texts: str) -> Context:
        file = Path("train.tsv")
        rows = tuple(Row({"text": text}, file, line) for line, text in enumerate(texts, 2))
        return Context(path="decoder", train=Manifest(file, ("text",), rows, ""))

    return context


@pytest.fixture(scope="session")
def scratch(context_of: Callable[..., Context]) -> Callable[..., Seq2Seq]:
    """A small decoder from scratch with weights large enough to have opinions."""

    def make(seed: int = 0, size: dict[str, Any] | None = None, **options: Any) -> Seq2Seq:
        torch.manual_seed(seed)
        sizes = {"dim": 16, "layers": 2, "heads": 2, "ffn": 24, "init_std": 0.3, **(size or {})}
        config = Seq2SeqConfig(scratch=Scratch(**sizes), **options)
        return Seq2Seq(config, context_of(*tiny_checkpoints.TEXT)).eval()

    return make


@pytest.fixture(scope="session")
def causal(checkpoint: Callable[[str], str], context_of: Callable[..., Context]) -> Any:
    """A causal language model: of a family, or a LLaMA from "scratch"."""

    def make(family: str = "scratch", seed: int = 0, **options: Any) -> CausalLm:
        torch.manual_seed(seed)
        if family != "scratch":
            return CausalLm(CausalLmConfig(model=checkpoint(family), **options)).eval()
        sizes = {"dim": 16, "layers": 2, "heads": 2, "ffn": 24, "init_std": 0.3}
        new = CausalScratch(**{**sizes, **options.pop("size", {})})
        config = CausalLmConfig(scratch=new, **options)
        return CausalLm(config, context_of(*tiny_checkpoints.TEXT)).eval()

    return make


@pytest.fixture(scope="session")
def row() -> Callable[..., Row]:
    def make(**fields: str) -> Row:
        return Row(fields, Path("train.tsv"), 2)

    return make


@pytest.fixture(scope="session")
def tokens_of(row: Callable[..., Row]) -> Callable[..., dict[str, Tokens]]:
    """The token ids of rows, collated; the text is their ``text``, if they have one."""

    def tokens(decoder: Decoder, *fields: dict[str, str]) -> dict[str, Tokens]:
        rows = [row(**one) for one in fields]
        ids = [decoder.encode(one, one.fields.get("text")) for one in rows]
        step = Signal(np.zeros((1, 1), np.float32), 25.0)
        return collate(
            [Sample(one, {"": step}, its) for one, its in zip(rows, ids, strict=True)]
        ).tokens

    return tokens


@pytest.fixture(scope="session")
def sequence() -> Callable[..., Sequence]:
    """Random steps of the given lengths, the same for a length at each call; ``extra`` steps of
    padding, which is not zeros."""

    def make(*lengths: int, width: int = tiny_checkpoints.WIDTH, extra: int = 0) -> Sequence:
        steps = max(lengths) + extra
        values = torch.full((len(lengths), steps, width), 7.0)
        for number, length in enumerate(lengths):
            source = torch.Generator().manual_seed(length)
            values[number, :length] = torch.randn(length, width, generator=source)
        mask = torch.arange(steps)[None] < torch.tensor(lengths)[:, None]
        return Sequence(values, mask, torch.full((len(lengths),), 25.0))

    return make
