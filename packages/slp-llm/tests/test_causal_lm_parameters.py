"""Which parameters a causal language model has, where they come from and what is kept of them."""

from __future__ import annotations

import importlib.util
import shutil
import warnings

import pytest
import tiny_causal_checkpoints
import tiny_checkpoints
import torch
from attrs import evolve
from safetensors.torch import load_file, load_model, save_model
from torch import nn

from slp_core.context import Context
from slp_core.errors import UserError
from slp_llm.decoders import quantization
from slp_llm.decoders.causal_lm.model import CausalLm
from slp_llm.decoders.causal_lm.spec import CausalLmConfig, CausalScratch
from slp_llm.decoders.config import Lora, Vocabulary
from slp_llm.decoders.prompts import ExamplesConfig

ALL = list(tiny_causal_checkpoints.FAMILIES)
TARGETS = {"gpt2": ("c_attn", "c_proj"), "bloom": ("query_key_value",)}


def lora_of(family, **options):
    return Lora(targets=TARGETS.get(family, ("q_proj", "v_proj")), rank=2, **options)


@pytest.mark.parametrize("family", [*ALL, "scratch"])
@pytest.mark.parametrize("lora", [False, True])
def test_groups_are_disjoint_and_complete(causal, family, lora):
    decoder = causal(family, lora=lora_of(family) if lora else None)
    groups = {name: {id(p) for p in group} for name, group in decoder.subparts().items()}
    wanted = {"embeddings", "layers"} | ({"lora"} if lora else set())
    assert set(groups) == wanted | ({"head"} if family == "llama" else set())  # others tie it
    assert sum(len(group) for group in groups.values()) == len(list(decoder.parameters()))
    assert set().union(*groups.values()) == {id(p) for p in decoder.parameters()}
    assert groups["embeddings"] == {id(decoder.model.get_input_embeddings().weight)}
    head = id(decoder.model.get_output_embeddings().weight)
    assert groups["head" if family == "llama" else "embeddings"] == {head}


@pytest.mark.parametrize("family", ALL)
def test_lora_starts_at_nothing_and_learns_alone(causal, family, sequence, tokens_of):
    decoder = causal(family, lora=lora_of(family)).train().requires_grad_(False)
    inputs, tokens = sequence(4, 6), tokens_of(decoder, {"text": "der wind"}, {"text": "am"})
    assert torch.equal(decoder.eval()(inputs, tokens), causal(family)(inputs, tokens))
    chosen = list(decoder.subparts()["lora"])
    for parameter in chosen:
        parameter.requires_grad_(True)
    decoder(inputs, tokens).square().sum().backward()
    trained = {id(p) for p in decoder.parameters() if p.grad is not None}
    assert trained == {id(p) for p in chosen}


def test_lora_on_the_transposed_layers_of_gpt2(causal):
    # W x becomes W x + (alpha / rank) B A x, also where W is kept as its transpose.
    with warnings.catch_warnings(action="error"):
        decoder = causal("gpt2", lora=lora_of("gpt2", alpha=6, dropout=0.0))
    layer = decoder.model.transformer.h[0].attn.c_attn
    update_in, update_out = layer.lora_A["default"].weight, layer.lora_B["default"].weight
    nn.init.normal_(update_out)
    x = torch.randn(5, 16)
    weight, bias = layer.base_layer.weight, layer.base_layer.bias
    expected = x @ weight + bias + 6 / 2 * x @ update_in.T @ update_out.T
    torch.testing.assert_close(layer(x), expected)


def test_a_lora_target_that_is_none(causal):
    with pytest.raises(UserError, match=r'lora\.targets: "q" names no linear layer.*q_proj'):
        causal("llama", lora=Lora(targets=("q",)))


@pytest.mark.parametrize("family", ALL)
@pytest.mark.parametrize("lora", [False, True])
def test_opened_again_without_the_checkpoint(
    causal, checkpoint, family, lora, tmp_path, sequence, tokens_of, context_of
):
    home = tmp_path / family
    shutil.copytree(checkpoint(family), home)
    config = CausalLmConfig(
        model=str(home),
        prompt="__dgs__ {examples} {signs} say",
        examples=ExamplesConfig("{text}", separator=" , "),
        new_tokens=("__dgs__",),
        lora=lora_of(family) if lora else None,
    )
    torch.manual_seed(0)
    first = CausalLm(config, context_of("am", "tag")).eval()
    for parameter in first.subparts().get("lora", ()):
        nn.init.normal_(parameter)
    assets = tmp_path / "assets"
    assets.mkdir()
    first.save_assets(assets)
    save_model(first, str(tmp_path / "weights.safetensors"))
    shutil.rmtree(home)
    again = CausalLm(config, Context(assets=assets)).eval()
    load_model(again, str(tmp_path / "weights.safetensors"), strict=True)
    fields = [{"text": "im süden", "id": "1"}, {"text": "der wind", "id": "2"}]
    inputs, tokens = sequence(4, 7), tokens_of(first, *fields)
    told = tokens_of(again, *fields)
    assert all(torch.equal(told[name].ids, one.ids) for name, one in tokens.items())
    assert torch.equal(again(inputs, tokens), first(inputs, tokens))
    assert again.generate(inputs, tokens, max_new_tokens=4) == first.generate(
        inputs, tokens, max_new_tokens=4
    )
    tied = {name: group for name, group in again.subparts().items() if name == "head"}
    assert bool(tied) is (family == "llama")


@pytest.mark.parametrize("kind", ["word", "bpe", "unigram", "char"])
def test_a_decoder_from_scratch_opens_again_without_rows(
    causal, tmp_path, sequence, tokens_of, kind
):
    first = causal(size={"vocabulary": Vocabulary(kind=kind)}, prompt="am tag {signs}")
    first.save_assets(tmp_path)
    again = CausalLm(first.config, Context(assets=tmp_path)).eval()
    again.load_state_dict(first.state_dict(), strict=True)
    inputs, tokens = sequence(4, 6), tokens_of(first, {"text": "der wind"}, {"text": "über morgen"})
    assert torch.equal(again(inputs, tokens), first(inputs, tokens))
    assert again.generate(inputs, {}, max_new_tokens=6) == first.generate(
        inputs, {}, max_new_tokens=6
    )


def test_new_weights_depend_on_the_seed_alone(causal):
    first = causal(seed=1, new_tokens=("__dgs__",)).state_dict()
    torch.randn(100)
    again, other = (causal(seed=s, new_tokens=("__dgs__",)).state_dict() for s in (1, 2))
    assert all(torch.equal(one, again[name]) for name, one in first.items())
    assert not all(torch.equal(one, other[name]) for name, one in first.items())


@pytest.mark.parametrize(
    ("key", "value", "found"),
    [
        ("dim", 24, lambda model: model.get_input_embeddings().embedding_dim),
        ("layers", 3, lambda model: len(model.model.layers)),
        ("heads", 4, lambda model: model.config.num_attention_heads),
        ("heads", 4, lambda model: model.config.num_key_value_heads),
        ("ffn", 20, lambda model: model.model.layers[0].mlp.gate_proj.out_features),
        ("attention_dropout", 0.4, lambda model: model.model.layers[0].self_attn.attention_dropout),
        ("vocabulary", Vocabulary(size=9), lambda model: model.get_input_embeddings()),
    ],
)
def test_every_size_is_the_models(causal, key, value, found):
    got = found(causal(size={key: value}).model)
    if key == "vocabulary":
        assert (value.size, got.num_embeddings, got.padding_idx) == (9, 9, 0)
    else:
        assert got == value


def test_initial_weights_have_the_configured_spread(causal):
    decoder = causal(size={"dim": 64, "ffn": 256, "init_std": 0.05})
    weight = decoder.model.model.layers[0].mlp.up_proj.weight.detach()
    assert float(weight.std()) == pytest.approx(0.05, rel=0.05)
    assert decoder.model.get_output_embeddings().weight is decoder.model.model.embed_tokens.weight


def test_sizes_tell_the_width(causal):
    assert causal().sizes() == {"d": 16}
    assert causal("llama").sizes() == {"d": tiny_checkpoints.WIDTH}


def test_no_training_rows_no_vocabulary():
    with pytest.raises(UserError, match=r"decoder\.scratch: the tokenizer is trained on"):
        CausalLm(CausalLmConfig(scratch=CausalScratch()))


def test_bfloat16_halves_the_weights(causal, sequence, tokens_of):
    decoder = causal("llama", dtype="bfloat16", lora=lora_of("llama"))
    tokens = tokens_of(decoder, {"text": "der wind"})
    ours, theirs = decoder(sequence(4), tokens).float(), causal("llama")(sequence(4), tokens)
    assert {p.dtype for p in decoder.subparts()["layers"]} == {torch.bfloat16}
    torch.testing.assert_close(ours, theirs, rtol=0.1, atol=0.3)
    assert decoder.generate(sequence(4), tokens, max_new_tokens=3)


# -- fewer bits ------------------------------------------------------------------------------


def test_fewer_bits_need_bitsandbytes(causal, monkeypatch):
    monkeypatch.setattr(quantization, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r'decoder\.quantize: "4bit" needs bitsandbytes.*uv pip '):
        causal("llama", quantize="4bit")


@pytest.mark.parametrize("bits", ["4bit", "8bit"])
def test_fewer_bits_are_asked_of_the_checkpoint(causal, monkeypatch, bits):
    asked = {}
    from transformers import AutoModelForCausalLM

    load = AutoModelForCausalLM.from_pretrained

    def spy(name, *, quantization_config, **options):
        asked.update(quantization_config.to_dict(), **options)
        return load(name, **options)

    monkeypatch.setattr(quantization, "find_spec", lambda name: name == "bitsandbytes")
    monkeypatch.setattr(AutoModelForCausalLM, "from_pretrained", spy)
    decoder = causal("llama", quantize=bits, dtype="bfloat16")
    assert (asked["load_in_4bit"], asked["load_in_8bit"]) == (bits == "4bit", bits == "8bit")
    assert (asked["dtype"], asked["trust_remote_code"]) == (torch.bfloat16, False)
    if bits == "4bit":
        assert asked["bnb_4bit_quant_type"] == "nf4"
        assert asked["bnb_4bit_use_double_quant"] is True
        assert asked["bnb_4bit_compute_dtype"] == "bfloat16"
    assert {p.dtype for p in decoder.parameters()} == {torch.bfloat16}


class Packed(nn.Linear):
    """A layer as bitsandbytes has them: a weight nobody trains, and what unpacks it."""

    def __init__(self, layer):
        super().__init__(layer.in_features, layer.out_features)
        packed = layer.weight.detach().mul(100).to(torch.int8)
        self.weight = nn.Parameter(packed, requires_grad=False)
        self.register_buffer("SCB", torch.tensor(100.0))

    def forward(self, x):
        return nn.functional.linear(x, self.weight / self.SCB, self.bias)


Packed.__module__ = "bitsandbytes.nn.modules"


def test_quantised_weights_are_the_checkpoints_each_time(
    checkpoint, monkeypatch, tmp_path, sequence, tokens_of
):
    from transformers import AutoModelForCausalLM

    load = AutoModelForCausalLM.from_pretrained

    def quantised(name, *, quantization_config, **options):
        model, report = load(name, **options)
        for layer in model.model.layers:
            layer.mlp.up_proj = Packed(layer.mlp.up_proj)
            nn.init.zeros_(layer.mlp.up_proj.bias)
        return model, report

    monkeypatch.setattr(quantization, "find_spec", lambda name: name)
    monkeypatch.setattr(AutoModelForCausalLM, "from_pretrained", quantised)
    config = CausalLmConfig(model=checkpoint("llama"), quantize="8bit")
    _kept_apart(config, tmp_path, sequence(4), tokens_of)


@pytest.fixture
def wide(tmp_path):
    """A LLaMA whose layers the kernels of bitsandbytes can be asked of."""
    torch.manual_seed(0)
    (tmp_path / "wide").mkdir()
    sizes = {"hidden_size": 128, "intermediate_size": 128, "initializer_range": 0.05}
    tiny_causal_checkpoints.llama(tmp_path / "wide", **sizes)
    return str(tmp_path / "wide")


@pytest.mark.skipif(not importlib.util.find_spec("bitsandbytes"), reason="needs bitsandbytes")
@pytest.mark.parametrize("bits", ["4bit", "8bit"])
def test_bitsandbytes_keeps_to_it(wide, tmp_path, sequence, tokens_of, bits):
    config = CausalLmConfig(model=wide, quantize=bits)
    plain = CausalLm(evolve(config, quantize=None)).eval()
    inputs, tokens = sequence(4, 6, width=128), tokens_of(plain, {"text": "am"}, {"text": "der"})
    quantised = CausalLm(config).eval().requires_grad_(False)
    values = inputs.values.requires_grad_()
    found, exact = quantised(inputs, tokens), plain(inputs, tokens)
    found.square().sum().backward()
    assert torch.equal(values.grad.abs().sum(-1) > 0, inputs.mask)
    error = float(((found - exact).std() / exact.std()).detach())
    assert 1e-4 < error < {"4bit": 0.3, "8bit": 0.05}[bits]
    _kept_apart(config, tmp_path, inputs, tokens_of)


def _kept_apart(config, tmp_path, inputs, tokens_of):
    config = evolve(config, new_tokens=("__dgs__",), lora=lora_of("llama"))
    first = CausalLm(config).eval()
    for name in ("embeddings", "lora"):  # what is trained, and thus must come back
        for parameter in first.subparts()[name]:
            nn.init.normal_(parameter)
    assets, file = tmp_path / "assets", tmp_path / "weights.safetensors"
    assets.mkdir()
    first.save_assets(assets)
    save_model(first, str(file))
    saved = load_file(file)
    assert not [name for name in saved if "up_proj" in name and not name.endswith(".bias")]
    assert all(weight.is_floating_point() for weight in saved.values())
    again = CausalLm(config, Context(assets=assets)).eval()
    load_model(again, str(file), strict=True)
    tokens = tokens_of(first, *[{"text": "der wind"}] * len(inputs.values))
    assert torch.equal(again(inputs, tokens), first(inputs, tokens))
    assert again.generate(inputs, tokens, max_new_tokens=3)
    with pytest.raises(RuntimeError, match="Unexpected key"):  # still strict
        load_model(CausalLm(evolve(config, lora=None), Context(assets=assets)), str(file))
