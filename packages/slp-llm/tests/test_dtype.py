"""What stays float32 beside weights in bfloat16: low-rank updates, as in peft's own models, and the
frequencies of rotary positions."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import load_model, save_model
from torch import nn
from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM

from slp_core.context import Context
from slp_llm.decoders.causal_lm.model import CausalLm
from slp_llm.decoders.causal_lm.spec import CausalLmConfig
from slp_llm.decoders.config import Lora
from slp_llm.decoders.seq2seq.model import Seq2Seq
from slp_llm.decoders.seq2seq.spec import Seq2SeqConfig

T5 = (Seq2Seq, Seq2SeqConfig, AutoModelForSeq2SeqLM, Lora(targets=("q", "v"), rank=2))
LLAMA = (CausalLm, CausalLmConfig, AutoModelForCausalLM, Lora(("q_proj", "v_proj"), rank=2))
BOTH = pytest.mark.parametrize("family", ["t5", "llama"])


def make(checkpoint, family, **options):
    """A decoder with an update that says something, what opens it anew, and peft's own."""
    from peft import LoraConfig, get_peft_model

    cls, config_cls, auto, lora = {"t5": T5, "llama": LLAMA}[family]
    config = config_cls(model=checkpoint(family), lora=lora, dtype="bfloat16")
    torch.manual_seed(0)
    decoder = cls(config).eval()
    for weight in decoder.subparts()["lora"]:
        nn.init.normal_(weight, std=0.3)
    peft = get_peft_model(
        auto.from_pretrained(checkpoint(family), dtype=torch.bfloat16),
        LoraConfig(r=2, lora_alpha=lora.alpha, target_modules=list(lora.targets)),
    ).eval()
    return decoder, lambda assets: cls(config, Context(assets=assets)).eval(), peft


@BOTH
def test_the_update_alone_is_float32(checkpoint, family):
    decoder, _, peft = make(checkpoint, family)
    for name, weights in decoder.subparts().items():
        wanted = torch.float32 if name == "lora" else torch.bfloat16
        assert {weight.dtype for weight in weights} == {wanted}, name
    theirs = {name: weight.dtype for name, weight in peft.base_model.model.named_parameters()}
    assert {name: weight.dtype for name, weight in decoder.model.named_parameters()} == theirs


@BOTH
def test_it_says_what_pefts_own_model_says(checkpoint, family):
    decoder, _, peft = make(checkpoint, family)
    peft.base_model.model.load_state_dict(decoder.model.state_dict(), strict=True)
    ids = torch.tensor([[5, 6, 7, 8], [9, 10, 11, 12]])
    options = {"input_ids": ids} | ({"decoder_input_ids": ids} if family == "t5" else {})
    with torch.no_grad():
        ours, theirs = decoder.model(**options).logits, peft(**options).logits
        with peft.disable_adapter():
            plain = peft(**options).logits
    assert ours.dtype == torch.bfloat16
    assert torch.equal(ours, theirs)
    assert not torch.equal(ours, plain)


@BOTH
def test_a_small_step_is_not_rounded_away(checkpoint, family, sequence, tokens_of):
    decoder, _, _ = make(checkpoint, family)
    decoder.requires_grad_(False)
    weights = [weight.requires_grad_() for weight in decoder.subparts()["lora"]]
    inputs, tokens = sequence(4, 6), tokens_of(decoder, {"text": "der wind"}, {"text": "am tag"})
    decoder(inputs, tokens).float().square().mean().backward()
    for weight in weights:
        before, step = weight.detach().clone(), 1e-4 * weight.detach()
        assert weight.grad is not None and weight.grad.dtype == torch.float32
        assert float(weight.grad.norm()) > 0
        with torch.no_grad():
            weight += step
        torch.testing.assert_close(weight.detach() - before, step, rtol=0.01, atol=1e-9)
        rounded = before.bfloat16()
        assert torch.equal(rounded + step.bfloat16(), rounded)  # as it was


@BOTH
def test_opened_again(checkpoint, family, tmp_path, sequence, tokens_of):
    first, again, _ = make(checkpoint, family)
    first.save_assets(tmp_path)
    save_model(first, str(tmp_path / "weights.safetensors"))
    second = again(tmp_path)
    load_model(second, str(tmp_path / "weights.safetensors"), strict=True)
    ours, theirs = first.state_dict(), second.state_dict()
    assert {name: one.dtype for name, one in ours.items()} == {
        name: one.dtype for name, one in theirs.items()
    }
    inputs, tokens = sequence(4, 6), tokens_of(first, {"text": "der wind"}, {"text": "am tag"})
    assert torch.equal(first(inputs, tokens), second(inputs, tokens))


@pytest.mark.parametrize("family", ["llama", "scratch"])
def test_rotary_positions_are_exact_in_bfloat16(causal, family, tmp_path):
    # Three digits of a frequency would be off by a radian after a few hundred steps.
    first = causal(family, dtype="bfloat16")
    first.save_assets(tmp_path)
    again = CausalLm(first.config, Context(assets=tmp_path))
    for decoder in (first, again):
        rotary = decoder.model.model.rotary_emb
        width = 2 * len(rotary.inv_freq)
        exact = 10_000.0 ** -(torch.arange(0, width, 2, dtype=torch.float64) / width)
        torch.testing.assert_close(rotary.inv_freq.double(), exact, rtol=1e-6, atol=0)
        assert {weight.dtype for weight in decoder.parameters()} == {torch.bfloat16}
