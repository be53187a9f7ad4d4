"""Pseudo-glosses by stop words and by a language model, whose answers survive a kill."""

from __future__ import annotations

import json

import pytest
import torch
from annotating import annotate, assert_light, made, problem
from transformers import AutoModelForCausalLM, AutoTokenizer

from slp_core.errors import MissingWeights, UserError
from slp_llm.annotators.answers import Answers
from slp_llm.annotators.pseudo_gloss.language_model import Asked
from slp_llm.annotators.pseudo_gloss.model import _glosses
from slp_llm.annotators.pseudo_gloss.spec import SPEC

STOPPED = {
    "en": {
        "The rain is not in the north, at 3.5 degrees .": "rain not north 3.5 degrees",
        "We don't have Anna's well-known umbrella!": "we don't anna's well-known umbrella",
        "is it?": "it",
        "of the": "",
        "": "",
    },
    "de": {"Am Montag wird es nicht im Süden regnen.": "montag es nicht süden regnen"},
}
TEXTS = ["rain in the north", "sun", "rain and wind in the south today", "sun", "", "snow"]


@pytest.mark.parametrize("language", STOPPED)
def test_stop_words(language):
    table = STOPPED[language]
    annotator = made(SPEC, rule="stop-words", language=language)
    assert annotate(annotator, *table) == list(table.values())
    assert annotator.provenance() == {}


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({}, "either `language` (de, en, zh) or `model`"),
        ({"rule": "stop-words", "language": "fr"}, '`language` is one of: de, en; not "fr"'),
        ({"rule": "stop-words", "language": "de", "model": "a"}, "`model` has no effect"),
        ({"rule": "language-model"}, "`model` names none"),
        ({"rule": "language-model", "model": "a", "prompt": "Gloss:"}, "{text} is missing"),
        ({"rule": "lm"}, "none of its values"),
        ({"language": "de", "colum": "a"}, 'did you mean "column"?'),
    ],
)
def test_a_bad_table_is_refused(table, said):
    assert said in problem(SPEC, **table)


def test_nothing_heavy_is_imported():
    assert_light("slp_llm.annotators.pseudo_gloss.spec")


# -- the language model ------------------------------------------------------------------------


def ask(folder: str, **table):
    return made(
        SPEC, rule="language-model", model=folder, prompt="s {text} d", max_new_tokens=9, **table
    )


@pytest.mark.parametrize("family", ["llama", "gpt2", "qwen2", "gemma3"])
def test_answers_are_the_likeliest_tokens_whatever_the_batch(checkpoint, family):
    """Against the loop written out: one sentence, no padding, no cache."""
    folder = checkpoint(family)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder).eval()

    def greedy(text: str) -> str:
        ids = tokenizer(f"s {text} d", return_tensors="pt").input_ids
        begun = ids.shape[1]
        for _ in range(9):
            with torch.no_grad():
                ids = torch.cat([ids, model(ids).logits[:, -1:].argmax(-1)], 1)
            if ids[0, -1] == model.generation_config.eos_token_id:
                break
        return tokenizer.decode(ids[0, begun:], skip_special_tokens=True)

    texts = [text for text in dict.fromkeys(TEXTS) if text]
    expected = [greedy(text) for text in texts]
    assert len(set(expected)) > 1  # the sentence matters
    asked = Asked(ask(folder).config)
    assert asked.answer(texts) == expected
    assert [asked.answer([text])[0] for text in texts] == expected


def test_the_checkpoints_own_generation_settings_have_no_say(checkpoint, tmp_path):
    model = AutoModelForCausalLM.from_pretrained(checkpoint("llama"))
    model.generation_config.update(do_sample=True, temperature=9.0, repetition_penalty=5.0)
    model.save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(checkpoint("llama")).save_pretrained(tmp_path)
    plain, wild = (Asked(ask(str(one)).config) for one in (checkpoint("llama"), tmp_path))
    assert wild.answer(TEXTS[:3]) == plain.answer(TEXTS[:3])


def test_a_chat_template_is_used(checkpoint, tmp_path):
    tokenizer = AutoTokenizer.from_pretrained(checkpoint("llama"))
    tokenizer.chat_template = (
        "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}{% endfor %}"
        "{% if add_generation_prompt and not enable_thinking %}<answer>{% endif %}"
    )
    tokenizer.save_pretrained(tmp_path)
    AutoModelForCausalLM.from_pretrained(checkpoint("llama")).save_pretrained(tmp_path)
    asked = Asked(ask(str(tmp_path)).config)
    model, tokenizer = asked._open()
    assert asked._prompt(tokenizer, "rain") == "<user>s rain d<answer>"
    ids = tokenizer(
        "<user>s rain d<answer>", return_tensors="pt", add_special_tokens=False
    ).input_ids
    assert len(ids[0]) + 1 == len(
        tokenizer("<user>s rain d<answer>").input_ids
    )  # no <s> of its own
    said = model.generate(input_ids=ids)[:, ids.shape[1] :]
    assert asked.answer(["rain"]) == tokenizer.batch_decode(said, skip_special_tokens=True)


def test_no_sentence_is_asked_twice(checkpoint, tmp_path, monkeypatch):
    asked: list[list[str]] = []
    answer = Asked.answer

    def spy(self, sentences):
        asked.append(list(sentences))
        return answer(self, sentences)

    monkeypatch.setattr(Asked, "answer", spy)
    annotator = ask(checkpoint("llama"), batch=2)
    fields = annotate(annotator, *TEXTS, folder=tmp_path)
    assert asked == [TEXTS[:2], [TEXTS[2], TEXTS[5]]] and fields[4] == ""
    assert fields[1] == fields[3]
    assert annotator.provenance()["model"] == annotator._helper.identity["model"]
    monkeypatch.setattr(Asked, "_open", lambda self: pytest.fail("opened in vain"))
    assert annotate(ask(checkpoint("llama")), *TEXTS, folder=tmp_path) == fields
    (file,) = tmp_path.iterdir()
    header, *answers = map(json.loads, file.read_text().splitlines())
    assert header["prompt"] == "s {text} d" and [question for question, _ in answers] == [
        *TEXTS[:3], TEXTS[5]
    ]  # fmt: skip


def test_a_kill_loses_the_batch_in_hand_only(checkpoint, tmp_path, monkeypatch):
    whole = annotate(ask(checkpoint("llama"), batch=1), *TEXTS, folder=tmp_path / "whole")
    answer, told = Asked.answer, []

    def die(self, sentences):
        if len(told) == 2:
            raise KeyboardInterrupt
        told.append(sentences)
        return answer(self, sentences)

    with monkeypatch.context() as patch:
        patch.setattr(Asked, "answer", die)
        with pytest.raises(KeyboardInterrupt):
            annotate(ask(checkpoint("llama"), batch=1), *TEXTS, folder=tmp_path / "cut")
    (file,) = (tmp_path / "cut").iterdir()
    content = file.read_bytes()
    assert content.count(b"\n") == 3  # the header and two answers
    for cut in range(len(content)):  # a kill while a line is written, wherever it was
        file.write_bytes(content[:cut])
        assert len(Answers(file.parent, json.loads(content.splitlines()[0]))._given) == max(
            content[:cut].count(b"\n") - 1, 0
        )
        assert [*file.parent.iterdir()] == [file] and file.read_bytes().endswith(b"\n")
    assert annotate(ask(checkpoint("llama"), batch=1), *TEXTS, folder=tmp_path / "cut") == whole
    (other,) = (tmp_path / "whole").iterdir()
    assert (file.name, file.read_bytes()) == (other.name, other.read_bytes())


def test_other_questions_are_kept_apart(tmp_path):
    one, other = (Answers(tmp_path, {"prompt": prompt}) for prompt in "ab")
    one.give("q", "said\nin two lines")
    assert "q" not in other and Answers(tmp_path, {"prompt": "a"})["q"] == "said\nin two lines"
    one.file.write_text(one.file.read_text() + "torn\n")
    with pytest.raises(UserError, match=r"\.jsonl:3: is no answer"):
        Answers(tmp_path, {"prompt": "a"})


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("\n MORNING, RAIN. \nThis is because", "MORNING RAIN"),
        ('"well-known" fs-ANNA 3,5', "well-known fs-ANNA 3,5"),
        (" \n", ""),
    ],
)
def test_an_answer_is_its_first_line_without_punctuation(answer, words):
    assert _glosses(answer) == words.split()


def test_a_model_that_is_not_there(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    said = "pseudo-gloss.model: the causal language model nobody/nothing cannot be loaded"
    with pytest.raises(MissingWeights, match=said):
        annotate(ask("nobody/nothing"), "rain", folder=tmp_path)
