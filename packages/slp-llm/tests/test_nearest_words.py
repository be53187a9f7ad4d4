"""The words nearest to visual steps against a look at every pair."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch

from slp_core.errors import UserError
from slp_core.parts import Decoder
from slp_llm.decoders import language_model
from slp_llm.decoders.seq2seq.model import Seq2Seq
from slp_llm.decoders.seq2seq.spec import Seq2SeqConfig

FAMILIES = ["t5", "m2m100", "mbart50", "gpt2", "llama"]
TEXT = "am tag scheint die sonne ."


@pytest.fixture(params=[*FAMILIES, "scratch", "causal scratch"])
def decoder(request: Any, checkpoint: Any, scratch: Any, causal: Any) -> Any:
    if request.param == "scratch":
        return scratch()
    if request.param in ("gpt2", "llama"):
        return causal(request.param)
    if request.param == "causal scratch":
        return causal()
    target = {"m2m100": "de", "mbart50": "de_DE"}.get(request.param)
    config = Seq2SeqConfig(model=checkpoint(request.param), target_language=target)
    return Seq2Seq(config).eval()


def by_hand(decoder: Any, step: torch.Tensor) -> str:
    """Of all ids, one by one: the nearest that says something."""
    table = decoder.model.get_input_embeddings().weight
    found = []
    for number in range(len(table)):
        said = decoder.tokenizer.decode([number], clean_up_tokenization_spaces=False)
        if said.strip() and "�" not in said and said not in decoder.tokenizer.all_special_tokens:
            distance = (decoder.embed(torch.tensor([number]))[0] - step).detach().norm()
            found.append((float(distance), said.strip()))
    return min(found)[1]


@pytest.mark.parametrize("at_once", [2**24, 700])
def test_nearest_words_are_the_nearest(decoder: Any, monkeypatch: Any, at_once: int) -> None:
    monkeypatch.setattr(language_model, "_DISTANCES_AT_ONCE", at_once)
    spread = decoder.embed(torch.arange(9)).std()
    steps = spread * torch.randn(25, decoder.sizes()["d"], generator=torch.manual_seed(0))
    expected = [by_hand(decoder, step) for step in steps]
    assert decoder.nearest_words(steps) == expected
    assert len({*expected}) > 3


def test_a_text_is_nearest_to_itself(decoder: Any, tokens_of: Any) -> None:
    """The pieces of a text are those its embeddings are nearest to, blanks aside."""
    tokens = tokens_of(decoder, {"text": TEXT})
    steps = decoder.text_embeddings(tokens).steps
    ids = tokens["labels"].ids[0, -len(steps) : -1].tolist()  # without tag and end
    said = [decoder.tokenizer.decode([one]).strip() for one in ids]
    words = decoder.nearest_words(steps[:-1])
    assert [word for word, piece in zip(words, said, strict=True) if piece] == [*filter(None, said)]
    assert re.sub(r"\s", "", "".join(said)) == re.sub(r"\s", "", TEXT)


def test_no_steps_have_no_words(decoder: Any) -> None:
    assert decoder.nearest_words(torch.zeros(0, decoder.sizes()["d"])) == []


def test_other_decoders_have_no_words() -> None:
    class Mute(Decoder):
        encode = forward = generate = None  # type: ignore[assignment]

    with pytest.raises(UserError, match="Mute: has no text embeddings to look words up in"):
        Mute(None).nearest_words(torch.zeros(1, 4))
