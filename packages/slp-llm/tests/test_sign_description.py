"""Frames described by an image-text model, descriptions embedded, against upstream's own passes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from annotating import assert_light, problem

from slp_core.errors import MissingWeights, UserError
from slp_core.signals import Signal
from slp_llm.annotators.sign_description.describers import FilmDescriber
from slp_llm.annotators.sign_description.embedding import TextEncoder
from slp_llm.annotators.sign_description.spec import PROMPT, SPEC, SignDescriptionConfig

WORDS = ["the", "hand", "moves", "up", "flat", "at", "chin", "describe", "only", "face"]


def tokenizer(*special: str) -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *special, *WORDS]
    numbers = {word: number for number, word in enumerate(vocabulary)}
    inner = Tokenizer(models.WordLevel(numbers, unk_token="[UNK]"))
    inner.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(
        tokenizer_object=inner, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]",
        sep_token="[SEP]", eos_token="[SEP]", additional_special_tokens=list(special),
        model_max_length=12,
    )  # fmt: skip


@pytest.fixture(scope="module")
def llava(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random LLaVA."""
    from transformers import (
        CLIPImageProcessor,
        CLIPVisionConfig,
        LlamaConfig,
        LlavaConfig,
        LlavaForConditionalGeneration,
        LlavaProcessor,
    )

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("llava")
    words = tokenizer("<image>")
    vision = CLIPVisionConfig(
        hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2,
        image_size=32, patch_size=16,
    )  # fmt: skip
    text = LlamaConfig(
        hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2,
        vocab_size=len(words), pad_token_id=0, bos_token_id=2, eos_token_id=3,
        initializer_range=0.5,
    )  # fmt: skip
    config = LlavaConfig(
        vision_config=vision, text_config=text, image_token_index=4,
        vision_feature_select_strategy="default",
    )  # fmt: skip
    model = LlavaForConditionalGeneration(config)
    for weight in model.parameters():
        torch.nn.init.normal_(weight, std=0.7)
    model.save_pretrained(folder)
    template = (
        "{% for m in messages %}{% for c in m['content'] %}"
        "{% if c['type'] == 'image' %}<image> {% else %}{{ c['text'] }}{% endif %}"
        "{% endfor %}{% endfor %}"
    )
    LlavaProcessor(
        CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}),
        words, patch_size=16, vision_feature_select_strategy="default", chat_template=template,
        num_additional_image_tokens=1,
    ).save_pretrained(folder)  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random BERT."""
    from transformers import BertConfig, BertModel, BertTokenizer

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("bert")
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]
    (folder / "vocab.txt").write_text("\n".join(vocabulary) + "\n")
    BertTokenizer(str(folder / "vocab.txt"), model_max_length=12).save_pretrained(folder)
    config = BertConfig(
        hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2,
        vocab_size=len(vocabulary), max_position_embeddings=16,
    )  # fmt: skip
    BertModel(config).save_pretrained(folder)
    return folder


def film(frames: int = 5) -> Signal:
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 255, (frames, 3, 40, 40), np.uint8)
    pictures[0], pictures[2, :, :20] = 0, 255
    return Signal(pictures, 25.0)


def describer(llava: Path, **keys: Any) -> FilmDescriber:
    keys = {"max_new_tokens": 6, "dtype": "float32", **keys}
    return FilmDescriber(SignDescriptionConfig(model=str(llava), **keys))


def test_frames_are_described_as_the_model_itself_does(llava: Path) -> None:
    from PIL import Image
    from transformers import AutoProcessor, LlavaForConditionalGeneration

    signal, frames = film(), [0, 2, 4]
    found = list(describer(llava, batch=2).describe(signal, frames))
    model = LlavaForConditionalGeneration.from_pretrained(llava).eval()
    processor = AutoProcessor.from_pretrained(llava)
    for frame, said in zip(frames, found, strict=True):
        picture = Image.fromarray(signal.values[frame].transpose(1, 2, 0))
        inputs = processor(images=picture, text=f"<image> {PROMPT}", return_tensors="pt")
        ids = model.generate(**inputs, do_sample=False, max_new_tokens=6)[0]
        new = ids[inputs["input_ids"].shape[1] :]
        assert said == processor.decode(new, skip_special_tokens=True).strip()
    assert len({*found}) > 1  # it looks at the frames


def test_a_model_without_a_template_cannot_be_asked(llava: Path, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(llava, tmp_path / "mute")
    for file in (tmp_path / "mute").glob("chat_template*"):
        file.unlink()
    with pytest.raises(UserError, match="has no chat template"):
        list(describer(tmp_path / "mute").describe(film(), [0]))


def test_a_missing_model_says_how_to_fetch_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(MissingWeights, match="hf download nobody/nothing"):
        list(describer("nobody/nothing").describe(film(), [0]))


def test_identity_is_what_descriptions_depend_on(llava: Path) -> None:
    ours = describer(llava).identity
    assert describer(llava, batch=3, every=2).identity == ours
    for key, value in {"prompt": "Face?", "max_new_tokens": 7, "size": 64}.items():
        assert describer(llava, **{key: value}).identity != ours


def test_embeddings_are_the_first_token_s_last_state(bert: Path) -> None:
    from transformers import BertModel, BertTokenizer

    texts = ["the hand moves up", "flat at chin", "the hand moves up", "face " * 40]
    found = TextEncoder(str(bert), batch=2).embed(texts)
    model, words = BertModel.from_pretrained(bert).eval(), BertTokenizer.from_pretrained(bert)
    for text, ours in zip(texts, found, strict=True):
        ids = words(text, truncation=True, max_length=12, return_tensors="pt")
        with torch.no_grad():
            expected = model(**ids).last_hidden_state[0, 0].numpy()
        assert np.allclose(ours, expected, atol=1e-5)
    assert found.dtype == np.float32 and np.array_equal(found[0], found[2])
    assert not np.allclose(found[0], found[1], atol=1e-3)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"model": "a/b", "embed": "words"}, "knows the phrases of rules"),
        ({"prompt": "Face?"}, "no effect without `model`"),
        ({"every": 0}, "every"),
    ],
)
def test_keys_without_effect(keys: dict[str, Any], said: str) -> None:
    assert said in problem(SPEC, **keys)


def test_it_is_light() -> None:
    assert_light("slp_llm.annotators.sign_description.spec")
