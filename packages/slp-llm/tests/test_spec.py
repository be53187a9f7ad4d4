"""What a recipe may write, before anything heavy is imported."""

from __future__ import annotations

import subprocess
import sys

import pytest

from slp_core.schema import Bad, structure
from slp_core.tensortype import TEXT, TensorType, TypeMismatch
from slp_llm.decoders.seq2seq.spec import SPEC, Seq2SeqConfig
from slp_llm.objectives.cross_entropy.spec import SPEC as CROSS_ENTROPY


def problems(table):
    said = []
    with pytest.raises(Bad):
        structure(table, Seq2SeqConfig, "decoder", lambda key, text: said.append(f"{key}: {text}"))
    return said


def configure(**table) -> Seq2SeqConfig:
    return structure(table, Seq2SeqConfig, "decoder", lambda *problem: pytest.fail(str(problem)))


def test_specs_import_nothing_heavy():
    code = """
import sys, slp_llm.decoders.seq2seq.spec, slp_llm.objectives.cross_entropy.spec
heavy = {"torch", "transformers", "tokenizers", "peft", "numpy", "sentencepiece"}
sys.exit(str(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_factories_are_there():
    from slp_core.parts import Decoder, Objective

    assert issubclass(SPEC.load(), Decoder)
    assert issubclass(CROSS_ENTROPY.load(), Objective)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({}, "either `model` or `scratch` is expected; neither is written"),
        ({"model": "a", "scratch": {}}, "both are written"),
        ({"scratch": {"dim": 30}}, "dim = 30 does not divide by heads = 4"),
        ({"scratch": {"vocabulary": {"kind": "unigram", "min_count": 2}}}, "no effect on unigram"),
        ({"scratch": {"dropout": 1.0}}, "decoder.scratch.dropout"),
        ({"model": "a", "generation": {"num_beams": 0}}, "decoder.generation.num_beams"),
        (
            {"model": "a", "generation": {"num_beams": 1, "length_penalty": 2.0}},
            "length_penalty has no effect with num_beams = 1",
        ),
        ({"model": "a", "lora": {"targets": []}}, "decoder.lora.targets"),
        ({"model": "a", "encoder_promt": ""}, 'did you mean "encoder_prompt"?'),
        ({"model": "a", "encoder_prompt": "{sings}"}, 'encoder_prompt: "{sings}"'),
        ({"model": "a", "encoder_prompt": "{examples}"}, "say what one looks like"),
        ({"model": "a", "examples": {"template": "{text}"}}, "examples: has no effect"),
        ({"model": "a", "examples": {"template": "text"}}, "decoder.examples.template"),
        ({"model": "a", "examples": {"template": "{text}", "count": 0}}, "examples.count"),
    ],
)
def test_a_bad_table_is_refused(table, said):
    assert any(said in problem for problem in problems(table)), problems(table)


def test_the_width_meets_what_comes_in():
    inputs = TensorType("b t d", {"d": 12})
    config = configure(scratch={"dim": 16})
    with pytest.raises(TypeMismatch, match=r"d = 12.*d = 16 is needed"):
        SPEC.signature(config, inputs)
    assert SPEC.signature(config, TensorType("b t d", {"d": 16})) == TEXT
    assert SPEC.signature(configure(model="a"), inputs) == TEXT  # only its weights can tell


def test_the_width_flows_back():
    inputs = TensorType("b t d")
    SPEC.signature(configure(scratch={"dim": 16}), inputs)
    assert inputs.known("d") == 16


def test_every_key_says_what_it_is():
    import attrs

    from slp_llm.decoders.config import Generation, Lora, Vocabulary
    from slp_llm.decoders.seq2seq.spec import Scratch

    for cls in (Seq2SeqConfig, Scratch, Vocabulary, Lora, Generation, CROSS_ENTROPY.config):
        for field in attrs.fields(cls):
            assert field.metadata["help"]
