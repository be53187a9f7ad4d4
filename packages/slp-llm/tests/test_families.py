"""Every family of encoder-decoder reads vectors as it reads its own tokens."""

from __future__ import annotations

import json
import logging
import shutil

import pytest
import tiny_checkpoints
import torch
from safetensors.torch import load_model, save_model
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

from slp_core.context import Context
from slp_core.errors import UserError
from slp_core.sequence import Sequence
from slp_llm.decoders.config import Lora
from slp_llm.decoders.seq2seq.model import Seq2Seq
from slp_llm.decoders.seq2seq.spec import Seq2SeqConfig

TARGET = {"m2m100": "de", "nllb": "deu_Latn", "mbart50": "de_DE", "mbart25": "de_DE"}
SCALED = ("m2m100", "nllb", "mbart50", "mbart25", "marian")
ALL = list(tiny_checkpoints.FAMILIES)

pytestmark = pytest.mark.filterwarnings("ignore:Recommended. pip install sacremoses")
PROMPT, TEXT = "translate the signs", "im süden regnet es heute nacht ."


def make(checkpoint, family, **options) -> Seq2Seq:
    options = {"target_language": TARGET.get(family), **options}
    return Seq2Seq(Seq2SeqConfig(model=checkpoint(family), **options)).eval()


def no_steps() -> Sequence:
    values = torch.zeros(1, 0, tiny_checkpoints.WIDTH)
    return Sequence(values, torch.zeros(1, 0, dtype=torch.bool), torch.ones(1))


def upstream(checkpoint, family, prompt, text):
    """The family's own model on the ids its own tokenizer makes."""
    tokenizer = AutoTokenizer.from_pretrained(checkpoint(family))
    model = AutoModelForSeq2SeqLM.from_pretrained(checkpoint(family)).eval()
    source = [*tokenizer(prompt, add_special_tokens=False).input_ids, tokenizer.eos_token_id]
    if family in TARGET:
        tokenizer.src_lang = tokenizer.tgt_lang = TARGET[family]
    labels = tokenizer(text_target=text, return_tensors="pt").input_ids
    if family == "bart":  # whose own tokenizer would frame the text with <s> and </s>
        labels = torch.cat([torch.tensor([[0]]), labels, torch.tensor([[2]])], 1)
    with torch.no_grad():
        return model(input_ids=torch.tensor([source]), labels=labels), labels


@pytest.mark.parametrize("family", ALL)
def test_prompt_ids_and_prompt_vectors_give_the_same_logits(checkpoint, family, tokens_of):
    # Also: labels, tags and the decoder's first input are those the family was trained with.
    decoder = make(checkpoint, family, encoder_prompt=PROMPT)
    tokens = tokens_of(decoder, {"text": TEXT})
    theirs, labels = upstream(checkpoint, family, PROMPT, TEXT)
    length = tokens["labels"].ids.shape[1]
    assert torch.equal(tokens["labels"].ids, labels[:, :length])
    if family == "mbart25":  # its labels end with the tag after the end; ours end with the end
        labels, logits = labels[:, :length], theirs.logits[:, :length]
    else:
        logits = theirs.logits
    ours = decoder(no_steps(), tokens)
    torch.testing.assert_close(ours, logits, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("family", ALL)
def test_scales_are_those_of_the_family(checkpoint, family):
    root = tiny_checkpoints.WIDTH**0.5
    assert make(checkpoint, family).embed_scale == (root if family in SCALED else 1)


@pytest.mark.parametrize("family", ["m2m100", "marian"])
def test_embed_scale_none_leaves_prompts_unscaled(checkpoint, family):
    ids = torch.tensor([5, 6])
    scaled = make(checkpoint, family).embed(ids)
    unscaled = make(checkpoint, family, embed_scale="none").embed(ids)
    torch.testing.assert_close(scaled, unscaled * tiny_checkpoints.WIDTH**0.5)


def test_visual_steps_are_scaled_only_if_asked(checkpoint, sequence):
    inputs = sequence(3)
    plain, _ = make(checkpoint, "m2m100").merge(inputs, {})
    scaled, _ = make(checkpoint, "m2m100", scale_inputs=True).merge(inputs, {})
    assert torch.equal(plain[:, :3], inputs.values)
    assert torch.equal(scaled[:, :3], inputs.values * 4)
    assert torch.equal(plain[:, 3], scaled[:, 3])
    with pytest.raises(UserError, match="scale_inputs: has no effect"):
        make(checkpoint, "t5", scale_inputs=True)


@pytest.mark.parametrize("family", ["m2m100", "nllb", "mbart50"])
def test_the_source_tag_comes_first(checkpoint, family, tokens_of):
    decoder = make(checkpoint, family, source_language=TARGET[family], encoder_prompt="am tag")
    tokenizer = decoder.tokenizer
    tokenizer.src_lang = TARGET[family]
    ids = tokens_of(decoder, {})["encoder_prompt"].ids[0].tolist() + decoder.after.tolist()
    assert ids == tokenizer("am tag").input_ids


def test_mbart_cc25_has_its_source_tag_last(checkpoint):
    decoder = make(checkpoint, "mbart25", source_language="en_XX")
    tags = decoder.tokenizer.lang_code_to_id
    assert decoder.after.tolist() == [2, tags["en_XX"]]
    assert (decoder.frame.start, decoder.frame.prefix) == (tags["de_DE"], ())


@pytest.mark.parametrize("family", ["m2m100", "nllb", "mbart50", "mbart25"])
def test_an_unknown_tag_is_refused_with_the_known(checkpoint, family):
    with pytest.raises(UserError, match=r'target_language: "german" is no language tag.*one of: '):
        make(checkpoint, family, target_language="german")
    with pytest.raises(UserError, match="source_language"):
        make(checkpoint, family, source_language="german")


def test_a_model_without_tags_or_start_says_so(checkpoint):
    with pytest.raises(UserError, match=r'"de" was written, but this model has no language tags'):
        make(checkpoint, "t5", target_language="de")
    with pytest.raises(UserError, match="write target_language"):
        make(checkpoint, "mbart25", target_language=None)


@pytest.mark.parametrize("family", ALL)
def test_translations_begin_after_tag_and_prompt(checkpoint, family, sequence, tokens_of):
    decoder = make(checkpoint, family, decoder_prompt="am tag")
    tokens = tokens_of(decoder, {}, {})
    found = decoder.generate(sequence(4, 7), tokens, num_beams=2, max_new_tokens=5)
    assert len(found) == 2
    for one in found:
        assert 1 <= len(one.tokens) <= 5
        pieces = [piece for piece, _ in one.tokens]
        ids = decoder.tokenizer.convert_tokens_to_ids(pieces)
        plain = [id for id in ids if id not in decoder.tokenizer.all_special_ids]
        assert one.text == decoder.tokenizer.decode(plain, clean_up_tokenization_spaces=False)


@pytest.mark.parametrize("family", ALL)
def test_opened_again_without_the_checkpoint(
    checkpoint, family, tmp_path, sequence, tokens_of, monkeypatch
):
    options = {"target_language": TARGET.get(family), "new_tokens": ("__dgs__",)}
    home = tmp_path / family
    shutil.copytree(checkpoint(family), home)
    lora = Lora(targets=("q", "v") if family in ("t5", "mt5") else ("q_proj", "v_proj"))
    config = Seq2SeqConfig(model=str(home), encoder_prompt="__dgs__", lora=lora, **options)
    first = Seq2Seq(config).eval()
    assets = tmp_path / "assets"
    assets.mkdir()
    first.save_assets(assets)
    save_model(first, str(tmp_path / "weights.safetensors"))
    shutil.rmtree(home)
    again = Seq2Seq(config, Context(assets=assets)).eval()
    load_model(again, str(tmp_path / "weights.safetensors"), strict=True)
    assert again.frame == first.frame
    inputs, tokens = sequence(4, 7), tokens_of(first, {"text": TEXT}, {"text": "der wind"})
    assert tokens_of(again, {"text": TEXT})["labels"].ids.tolist() == [
        tokens["labels"].ids[0].tolist()
    ]
    assert torch.equal(again(inputs, tokens), first(inputs, tokens))
    assert again.generate(inputs, tokens, max_new_tokens=4) == first.generate(
        inputs, tokens, max_new_tokens=4
    )


@pytest.fixture
def own_head(checkpoint, tmp_path):
    """A T5 1.1 as on the hub: its head differs from its embeddings, its family ties them."""
    folder = tmp_path / "t5_1.1"
    shutil.copytree(checkpoint("t5"), folder)
    model = AutoModelForSeq2SeqLM.from_pretrained(folder)
    model.lm_head.weight = torch.nn.Parameter(torch.randn_like(model.lm_head.weight))
    del model.all_tied_weights_keys["lm_head.weight"]
    model.save_pretrained(folder)
    config = json.loads((folder / "config.json").read_text())
    config.pop("scale_decoder_outputs")
    (folder / "config.json").write_text(json.dumps({**config, "tie_word_embeddings": False}))
    return str(folder)


@pytest.mark.parametrize("new", [0, 40])
def test_a_head_of_its_own_stays_its_own(own_head, tmp_path, sequence, tokens_of, new):
    config = Seq2SeqConfig(model=own_head, new_tokens=tuple(f"<new{n}>" for n in range(new)))
    first = Seq2Seq(config).eval()
    assert {name: len(list(group)) for name, group in first.subparts().items()}["head"] == 1
    reference = AutoModelForSeq2SeqLM.from_pretrained(own_head)
    old = reference.lm_head.weight
    assert torch.equal(first.model.lm_head.weight[: len(old)], old)
    assert torch.equal(first.model.shared.weight[: len(old)], reference.shared.weight)
    assets = tmp_path / "assets"
    assets.mkdir()
    first.save_assets(assets)
    save_model(first, str(tmp_path / "weights.safetensors"))
    again = Seq2Seq(config, Context(assets=assets)).eval()
    load_model(again, str(tmp_path / "weights.safetensors"), strict=True)
    inputs, tokens = sequence(4), tokens_of(first, {"text": TEXT})
    assert torch.equal(again(inputs, tokens), first(inputs, tokens))
    torch.testing.assert_close(
        first(inputs, tokens)[..., : len(old)],
        reference(inputs_embeds=first.merge(inputs, {})[0], labels=tokens["labels"].ids).logits,
    )


def test_new_tokens_are_whole_and_silent(checkpoint, tokens_of):
    plain = make(checkpoint, "mbart50")
    rows = plain.model.get_input_embeddings().num_embeddings
    decoder = make(
        checkpoint, "mbart50", new_tokens=("__dgs__", "__asl__"), encoder_prompt="__asl__ am tag"
    )
    ids = tokens_of(decoder, {})["encoder_prompt"].ids[0].tolist()
    assert ids[0] == rows + 1
    assert decoder.model.get_input_embeddings().num_embeddings == rows + 2
    assert decoder.model.get_output_embeddings().out_features == rows + 2
    assert rows + 1 in decoder.tokenizer.all_special_ids
    with pytest.raises(UserError, match=r'new_tokens: "</s>" is in the vocabulary already'):
        make(checkpoint, "mbart50", new_tokens=("</s>",))


def test_a_prompt_with_an_unknown_token_is_refused(checkpoint, tokens_of):
    with pytest.raises(UserError, match=r'encoder_prompt: "жд" holds a token the vocabulary lacks'):
        make(checkpoint, "mbart50", encoder_prompt="жд")
    decoder = make(checkpoint, "mbart50")
    with pytest.raises(UserError, match=r"train.tsv:2: decoder_prompt"):
        tokens_of(decoder, {"decoder_prompt": "жд"})


@pytest.mark.parametrize("family", ["t5", "m2m100", "mbart50", "bart", "marian"])
def test_text_that_holds_a_special_token_is_refused(checkpoint, family, tokens_of):
    decoder = make(checkpoint, family)
    with pytest.raises(UserError, match=r'train.tsv:2: "</s>" has a meaning of its own'):
        tokens_of(decoder, {"text": "am </s> tag"})
    tokens_of(decoder, {"text": "am ж tag"})  # the unknown is only unknown


def test_rows_may_bring_their_prompts(checkpoint, tokens_of):
    decoder = make(checkpoint, "t5", encoder_prompt="am tag", decoder_prompt="der wind")
    rows = tokens_of(decoder, {}, {"encoder_prompt": "", "decoder_prompt": "heute nacht"})
    lengths = {name: one.mask.sum(1).tolist() for name, one in rows.items()}
    assert lengths["encoder_prompt"] == [len(decoder._ids(text="am tag")), 0]
    said = rows["decoder_prompt"].ids[1][rows["decoder_prompt"].mask[1]].tolist()
    assert decoder.tokenizer.decode(said) == "heute nacht"


def test_sequences_longer_than_the_positions_are_refused(checkpoint, sequence, tokens_of, row):
    decoder = make(checkpoint, "mbart50")
    tokens = tokens_of(decoder, {"text": "am tag"})
    decoder(sequence(63), tokens)
    with pytest.raises(UserError, match="65 steps with prompt and end, the model has positions"):
        decoder(sequence(64), tokens)
    with pytest.raises(UserError, match=r"train.tsv:2: the text has \d+ tokens"):
        decoder.encode(row(), "am tag " * 40)
    with pytest.raises(UserError, match="max_new_tokens = 64"):
        decoder.generate(sequence(4), tokens, max_new_tokens=64)
    make(checkpoint, "m2m100")(sequence(100), tokens)  # its positions are computed


def test_padding_takes_no_positions(checkpoint, sequence, tokens_of):
    # A long clip without a prompt beside a short clip with one.
    decoder = make(checkpoint, "mbart50")
    fields = [{"text": "am tag"}, {"text": "am tag", "encoder_prompt": "der wind weht"}]
    tokens = tokens_of(decoder, *fields)
    found = decoder(sequence(63, 5), tokens)
    said = decoder.generate(sequence(63, 5), tokens, max_new_tokens=5)
    for number, length in enumerate((63, 5)):
        alone = tokens_of(decoder, fields[number])
        torch.testing.assert_close(found[number], decoder(sequence(length), alone)[0])
        (again,) = decoder.generate(sequence(length), alone, max_new_tokens=5)
        assert again.text == said[number].text
    with pytest.raises(UserError, match="65 steps with prompt and end"):
        decoder(sequence(64, 5), tokens)


def test_bfloat16_halves_the_weights(checkpoint, sequence, tokens_of):
    decoder = make(checkpoint, "m2m100", dtype="bfloat16")
    assert {p.dtype for p in decoder.parameters()} == {torch.bfloat16}
    tokens = tokens_of(decoder, {"text": TEXT})
    ours = decoder(sequence(4), tokens).float()
    torch.testing.assert_close(
        ours, make(checkpoint, "m2m100")(sequence(4), tokens), rtol=0.1, atol=0.3
    )
    assert decoder.generate(sequence(4), tokens, max_new_tokens=3)


def test_lora_on_bfloat16_weights(checkpoint, sequence, tokens_of):
    lora = Lora(targets=("q_proj", "v_proj"))
    decoder = make(checkpoint, "m2m100", dtype="bfloat16", lora=lora).train()
    for module in decoder.modules():
        if hasattr(module, "layerdrop"):  # a layer that is left out has no gradient
            module.layerdrop = 0.0
    decoder(sequence(4), tokens_of(decoder, {"text": TEXT})).float().sum().backward()
    assert all(p.grad is not None for p in decoder.subparts()["lora"])


def test_attention_is_sdpa(checkpoint):
    for family in ALL:
        assert make(checkpoint, family).model.config._attn_implementation == "sdpa"


def test_a_checkpoint_that_is_not_there(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(UserError, match=r"(?s)decoder\.model: .*hf download nobody/nothing"):
        Seq2Seq(Seq2SeqConfig(model="nobody/nothing"))
    with pytest.raises(UserError, match="is no encoder-decoder with its tokenizer"):
        Seq2Seq(Seq2SeqConfig(model=str(tmp_path)))


def test_a_folder_without_weights(checkpoint, tmp_path):
    shutil.copytree(checkpoint("bart"), tmp_path, dirs_exist_ok=True)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(UserError, match=r"^decoder\.model: .*the folder must hold") as error:
        Seq2Seq(Seq2SeqConfig(model=str(tmp_path)))
    assert "hf download" not in str(error.value)


def test_a_checkpoint_that_is_something_else(checkpoint, tmp_path):
    from transformers import GPT2Config, GPT2LMHeadModel

    shutil.copytree(checkpoint("bart"), tmp_path, dirs_exist_ok=True)
    GPT2LMHeadModel(GPT2Config(n_layer=1, n_embd=8, n_head=2)).save_pretrained(tmp_path)
    with pytest.raises(UserError, match="is no encoder-decoder with its tokenizer"):
        Seq2Seq(Seq2SeqConfig(model=str(tmp_path)))


def test_a_checkpoint_that_lacks_weights(checkpoint, tmp_path):
    from safetensors.torch import load_file, save_file

    shutil.copytree(checkpoint("m2m100"), tmp_path, dirs_exist_ok=True)
    file = tmp_path / "model.safetensors"
    weights = load_file(file)
    gone = next(name for name in weights if "fc1.weight" in name)
    save_file({k: v for k, v in weights.items() if k != gone}, file, {"format": "pt"})
    with pytest.raises(UserError, match=f"lacks 1 weights: {gone}"):
        Seq2Seq(Seq2SeqConfig(model=str(tmp_path)))


@pytest.mark.parametrize("family", ["m2m100", "t5"])
def test_nothing_is_said_but_errors(checkpoint, family, sequence, tokens_of, capfd, caplog):
    decoder = make(checkpoint, family, new_tokens=tuple(f"__{n}__" for n in range(70)))
    decoder.model.generation_config.max_length = 30
    tokens = tokens_of(decoder, {"text": TEXT})
    capfd.readouterr()
    with caplog.at_level(logging.WARNING):
        decoder.train()(sequence(4), tokens)
        decoder.eval().generate(sequence(4), tokens, max_new_tokens=3, num_beams=1)
    assert (capfd.readouterr().err, caplog.text) == ("", "")


def test_gradient_checkpointing_changes_no_gradient(checkpoint, sequence, tokens_of):
    decoder = make(checkpoint, "m2m100").train()
    for module in decoder.modules():
        if hasattr(module, "dropout") and isinstance(module.dropout, float):
            module.dropout = 0.0
        if hasattr(module, "layerdrop"):
            module.layerdrop = 0.0
    tokens, gradients = tokens_of(decoder, {"text": TEXT}), []
    layer = decoder.model.get_encoder().layers[0]
    for enable in (False, True):
        if enable:
            decoder.model.activation_checkpointing_enable()
        assert layer.gradient_checkpointing is enable
        decoder.zero_grad()
        decoder(sequence(4), tokens).logsumexp(-1).sum().backward()
        gradients.append([p.grad.clone() for p in decoder.parameters() if p.grad is not None])
    for ours, theirs in zip(gradients[0], gradients[1], strict=True):
        torch.testing.assert_close(ours, theirs)
