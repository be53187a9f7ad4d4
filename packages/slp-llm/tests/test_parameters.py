"""Which parameters there are, who trains them, and where they come from."""

from __future__ import annotations

import pytest
import tiny_checkpoints
import torch
from torch import nn

from slp_core.context import Context
from slp_core.errors import UserError
from slp_llm.decoders.config import Lora, Vocabulary
from slp_llm.decoders.seq2seq.model import Seq2Seq
from slp_llm.decoders.seq2seq.spec import Scratch, Seq2SeqConfig

TARGETS = {"t5": ("q", "v"), "mt5": ("q", "v")}

pytestmark = pytest.mark.filterwarnings("ignore:Recommended. pip install sacremoses")


def make(checkpoint, family, **options):
    language = {"mbart25": "de_DE"}.get(family)
    return Seq2Seq(Seq2SeqConfig(model=checkpoint(family), target_language=language, **options))


@pytest.mark.parametrize("family", tiny_checkpoints.FAMILIES)
@pytest.mark.parametrize("lora", [False, True])
def test_groups_are_disjoint_and_complete(checkpoint, family, lora):
    targets = TARGETS.get(family, ("q_proj", "v_proj"))
    decoder = make(checkpoint, family, lora=Lora(targets=targets, rank=2) if lora else None)
    groups = {name: {id(p) for p in group} for name, group in decoder.subparts().items()}
    wanted = {"encoder", "decoder", "embeddings"} | ({"lora"} if lora else set())
    assert set(groups) == wanted  # heads are tied, and so are the embeddings of both halves
    assert sum(len(group) for group in groups.values()) == len(list(decoder.parameters()))
    assert set().union(*groups.values()) == {id(p) for p in decoder.parameters()}
    shared = id(decoder.model.get_input_embeddings().weight)
    assert groups["embeddings"] == {shared}
    assert shared in {id(p) for p in decoder.model.get_output_embeddings().parameters()}
    halves = {"encoder": decoder.model.get_encoder(), "decoder": decoder.model.get_decoder()}
    for name, half in halves.items():
        inside = {id(p) for p in half.parameters()} - {shared}
        assert groups[name] == inside - groups.get("lora", set())


@pytest.mark.parametrize("group", ["encoder", "decoder", "embeddings", "lora"])
def test_what_is_frozen_has_no_gradient(scratch, sequence, tokens_of, group):
    decoder = scratch(lora=Lora(targets=("q_proj", "fc1"), rank=2)).train()
    for parameter in decoder.parameters():
        parameter.requires_grad_(False)
    chosen = list(decoder.subparts()[group])
    for parameter in chosen:
        parameter.requires_grad_(True)
    decoder(sequence(4), tokens_of(decoder, {"text": "der wind"})).square().sum().backward()
    trained = {id(p) for p in decoder.parameters() if p.grad is not None}
    assert trained == {id(p) for p in chosen}


def test_lora_adds_a_low_rank_update_that_starts_at_nothing(checkpoint, sequence, tokens_of):
    plain = make(checkpoint, "m2m100").eval()
    config = Lora(targets=("q_proj", "v_proj"), rank=3, alpha=6, dropout=0.0)
    decoder = make(checkpoint, "m2m100", lora=config).eval()
    inputs, tokens = sequence(4), tokens_of(plain, {"text": "der wind"})
    assert torch.equal(decoder(inputs, tokens), plain(inputs, tokens))
    # two encoder layers with one attention, two decoder layers with two; A and B of q and v
    assert len(list(decoder.subparts()["lora"])) == 6 * 2 * 2
    layer = decoder.model.get_encoder().layers[0].self_attn.q_proj
    update_in, update_out = layer.lora_A["default"].weight, layer.lora_B["default"].weight
    assert update_in.shape == (3, 16)
    nn.init.normal_(update_out)
    x = torch.randn(5, 16)
    expected = layer.base_layer(x) + 6 / 3 * x @ update_in.T @ update_out.T
    torch.testing.assert_close(layer(x), expected)


def test_lora_dropout_is_used(scratch):
    decoder = scratch(lora=Lora(targets=("q_proj",), dropout=0.4))
    layer = decoder.model.get_encoder().layers[0].self_attn.q_proj
    assert layer.lora_dropout["default"].p == 0.4


def test_a_target_that_is_none_is_refused_with_those_there_are(checkpoint):
    with pytest.raises(UserError, match=r'lora.targets: "q" names no linear layer.*q_proj'):
        make(checkpoint, "m2m100", lora=Lora(targets=("v_proj", "q")))
    decoder = make(checkpoint, "m2m100", lora=Lora(targets=("decoder.layers.1.fc1",)))
    assert len(list(decoder.subparts()["lora"])) == 2


def test_weights_from_scratch_depend_on_the_seed_alone(scratch):
    # MultimodalHugs' defect 2: models were initialised without a seed.
    options = {"lora": Lora(targets=("q_proj",)), "new_tokens": ("__dgs__",)}
    first = scratch(seed=1, **options).state_dict()
    torch.randn(100)
    again, other = (scratch(seed=seed, **options).state_dict() for seed in (1, 2))
    assert first.keys() == again.keys() == other.keys()
    assert all(torch.equal(one, again[name]) for name, one in first.items())
    assert not all(torch.equal(one, other[name]) for name, one in first.items())


def test_new_tokens_of_a_checkpoint_depend_on_the_seed_alone(checkpoint):
    def weights(seed):
        torch.manual_seed(seed)
        decoder = make(checkpoint, "mbart50", new_tokens=("__dgs__", "__asl__"))
        return decoder.model.get_input_embeddings().weight

    assert torch.equal(weights(1), weights(1))
    assert not torch.equal(weights(1), weights(2))
    assert torch.equal(weights(1)[:-2], weights(2)[:-2])


@pytest.mark.parametrize(
    ("key", "value", "found"),
    [
        ("dim", 24, lambda model: model.get_input_embeddings().embedding_dim),
        ("layers", 1, lambda model: len(model.get_encoder().layers)),
        ("layers", 1, lambda model: len(model.get_decoder().layers)),
        ("decoder_layers", 3, lambda model: len(model.get_decoder().layers)),
        ("heads", 4, lambda model: model.get_encoder().layers[0].self_attn.num_heads),
        ("heads", 4, lambda model: model.get_decoder().layers[0].encoder_attn.num_heads),
        ("ffn", 20, lambda model: model.get_decoder().layers[0].fc1.out_features),
        ("ffn", 20, lambda model: model.get_encoder().layers[0].fc1.out_features),
        ("dropout", 0.4, lambda model: model.get_encoder().layers[0].dropout),
        ("dropout", 0.4, lambda model: model.get_decoder().dropout),
        ("attention_dropout", 0.4, lambda model: model.get_encoder().layers[0].self_attn.dropout),
        ("activation_dropout", 0.4, lambda model: model.get_decoder().layers[0].activation_dropout),
        ("scale_embedding", False, lambda model: model.get_input_embeddings().embed_scale != 1),
        ("vocabulary", Vocabulary(size=9), lambda model: model.get_input_embeddings()),
    ],
)
def test_every_size_is_the_models(scratch, key, value, found):
    got = found(scratch(size={key: value}).model)
    if key == "vocabulary":
        assert (value.size, got.num_embeddings, got.padding_idx) == (9, 9, 0)
    else:
        assert got == value


def test_initial_weights_have_the_configured_spread(scratch):
    decoder = scratch(size={"dim": 64, "ffn": 256, "init_std": 0.05})
    weight = decoder.model.get_encoder().layers[0].fc1.weight
    assert float(weight.detach().std()) == pytest.approx(0.05, rel=0.05)
    activation = scratch(size={"activation": "gelu"}).model.get_encoder().layers[0].activation_fn
    assert "GELU" in type(activation).__name__


def test_head_and_both_embeddings_are_one(scratch):
    model = scratch().model
    weight = model.get_input_embeddings().weight
    assert model.get_output_embeddings().weight is weight
    assert model.get_encoder().embed_tokens.weight is weight
    assert model.get_decoder().embed_tokens.weight is weight


def test_no_training_rows_no_vocabulary():
    with pytest.raises(UserError, match=r"decoder\.scratch: the tokenizer is trained on"):
        Seq2Seq(Seq2SeqConfig(scratch=Scratch()))


def test_the_vocabulary_is_of_the_target_column(context_of):
    from attrs import evolve

    context = evolve(context_of("morgen"), target="gloss")
    with pytest.raises(UserError, match='no column "gloss"'):
        Seq2Seq(Seq2SeqConfig(scratch=Scratch()), context)


def test_sizes_tell_the_width(scratch, checkpoint):
    assert scratch().sizes() == {"d": 16}
    assert make(checkpoint, "t5").sizes() == {"d": tiny_checkpoints.WIDTH}


@pytest.mark.parametrize("kind", ["word", "bpe", "unigram", "char"])
def test_a_decoder_from_scratch_opens_again_without_rows(
    scratch, tmp_path, sequence, tokens_of, kind
):
    first = scratch(size={"vocabulary": Vocabulary(kind=kind, lower=True)}, new_tokens=("__de__",))
    first.save_assets(tmp_path)
    again = Seq2Seq(first.config, Context(assets=tmp_path)).eval()
    again.load_state_dict(first.state_dict(), strict=True)
    rows = [{"text": "Der Wind", "decoder_prompt": "__de__"}, {"text": "über morgen"}]
    inputs, tokens = sequence(4, 6), tokens_of(first, *rows)
    assert torch.equal(tokens_of(again, *rows)["labels"].ids, tokens["labels"].ids)
    assert torch.equal(again(inputs, tokens), first(inputs, tokens))
    assert again.generate(inputs, tokens, max_new_tokens=6) == first.generate(
        inputs, tokens, max_new_tokens=6
    )
