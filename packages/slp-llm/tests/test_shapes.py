"""Language models of shapes alone have the parameters of those with weights."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import tiny_causal_checkpoints
import tiny_checkpoints
import torch
from attrs import evolve

from slp_core.context import Context
from slp_core.errors import MissingWeights, UserError
from slp_llm.decoders.causal_lm.model import CausalLm
from slp_llm.decoders.causal_lm.spec import CausalLmConfig
from slp_llm.decoders.config import Lora
from slp_llm.decoders.prompts import ExamplesConfig
from slp_llm.decoders.seq2seq.model import Seq2Seq
from slp_llm.decoders.seq2seq.spec import Scratch, Seq2SeqConfig

TARGET = {"m2m100": "de", "nllb": "deu_Latn", "mbart50": "de_DE", "mbart25": "de_DE"}
META = Context(path="decoder", meta=True)

pytestmark = pytest.mark.filterwarnings("ignore:Recommended. pip install sacremoses")


def shapes(part):
    found = {name: (tuple(w.shape), w.dtype) for name, w in part.named_parameters()}
    groups = {name: sum(w.numel() for w in group) for name, group in part.subparts().items()}
    return found, groups, part.sizes()


def bare(folder, tmp_path):
    """The checkpoint's configuration and nothing else."""
    shutil.copy(f"{folder}/config.json", tmp_path)
    return str(tmp_path)


@pytest.mark.parametrize("family", tiny_checkpoints.FAMILIES)
def test_an_encoder_decoder(checkpoint, family, tmp_path):
    targets = ("q", "v") if family in ("t5", "mt5") else ("q_proj", "v_proj")
    options = {
        "target_language": TARGET.get(family),
        "encoder_prompt": "{signs} am tag",
        "dtype": "bfloat16",
        "lora": Lora(targets=targets, rank=2),
    }
    real = Seq2Seq(Seq2SeqConfig(model=checkpoint(family), **options))
    with torch.device("meta"):
        sketched = Seq2Seq(Seq2SeqConfig(model=bare(checkpoint(family), tmp_path), **options), META)
    assert shapes(sketched) == shapes(real)
    assert {weight.device.type for weight in sketched.parameters()} == {"meta"}


@pytest.mark.parametrize("family", tiny_causal_checkpoints.FAMILIES)
def test_a_causal_language_model(checkpoint, family, tmp_path):
    real = CausalLm(CausalLmConfig(model=checkpoint(family), prompt="Satz: {signs}"))
    with torch.device("meta"):
        sketched = CausalLm(
            CausalLmConfig(model=bare(checkpoint(family), tmp_path), prompt="Satz: {signs}"), META
        )
    assert shapes(sketched) == shapes(real)


@pytest.mark.parametrize(
    ("written", "apart"),
    [
        ({"tie_word_embeddings": False}, True),  # as google/flan-t5-xl has it
        ({"tie_word_embeddings": True, "scale_decoder_outputs": False}, True),
        ({"tie_word_embeddings": True}, False),  # as google-t5/t5-small has it
        ({}, False),
    ],
)
def test_the_head_of_t5(checkpoint, tmp_path, written, apart):
    config = json.loads(Path(checkpoint("t5"), "config.json").read_text("utf-8"))
    for key in ("tie_word_embeddings", "scale_decoder_outputs"):
        config.pop(key, None)
    (tmp_path / "config.json").write_text(json.dumps({**config, **written}))
    with torch.device("meta"):
        decoder = Seq2Seq(Seq2SeqConfig(model=str(tmp_path)), META)
    assert ("head" in decoder.subparts()) == apart


def test_a_model_from_scratch_needs_training_rows(context_of):
    config = Seq2SeqConfig(
        scratch=Scratch(dim=16, layers=1, heads=2),
        new_tokens=("__dgs__",),
        encoder_prompt="__dgs__",
    )
    context = context_of(*tiny_checkpoints.TEXT)
    real = Seq2Seq(config, context)
    with torch.device("meta"):
        sketched = Seq2Seq(config, evolve(context, meta=True))
        with pytest.raises(UserError, match="trained on the training rows"):
            Seq2Seq(config, META)
    assert shapes(sketched) == shapes(real)
    assert {weight.device.type for weight in sketched.parameters()} == {"meta"}


def test_examples_need_no_training_rows(checkpoint, tmp_path):
    config = Seq2SeqConfig(
        model=bare(checkpoint("t5"), tmp_path),
        encoder_prompt="{signs} жд {examples}",  # nobody knows the vocabulary
        examples=ExamplesConfig("{en}={text}"),
    )
    with torch.device("meta"):
        Seq2Seq(config, META)


def test_what_is_missing_or_of_another_kind(checkpoint, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(MissingWeights, match=r"`hf download a/b config\.json`") as error:
        Seq2Seq(Seq2SeqConfig(model="a/b"), META)
    assert (error.value.key, error.value.name) == ("decoder.model", "a/b")
    with pytest.raises(UserError, match="is no causal language model"):
        CausalLm(CausalLmConfig(model=checkpoint("t5")), META)
