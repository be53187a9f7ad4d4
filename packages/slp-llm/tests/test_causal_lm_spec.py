"""What a recipe may write about a causal language model, before anything heavy is imported."""

from __future__ import annotations

import subprocess
import sys

import attrs
import pytest

from slp_core.parts import Decoder
from slp_core.schema import Bad, structure
from slp_core.tensortype import TEXT, TensorType, TypeMismatch
from slp_llm.decoders.causal_lm.spec import SPEC, CausalLmConfig, CausalScratch


def problems(table):
    said = []
    with pytest.raises(Bad):
        structure(table, CausalLmConfig, "decoder", lambda key, text: said.append(f"{key}: {text}"))
    return said


def configure(**table) -> CausalLmConfig:
    return structure(table, CausalLmConfig, "decoder", lambda *problem: pytest.fail(str(problem)))


def test_the_spec_imports_nothing_heavy():
    code = """
import sys, slp_llm.decoders.causal_lm.spec
heavy = {"torch", "transformers", "tokenizers", "peft", "numpy", "bitsandbytes"}
sys.exit(str(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_factory_is_there():
    assert issubclass(SPEC.load(), Decoder)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({}, "either `model` or `scratch` is expected; neither is written"),
        ({"model": "a", "scratch": {}}, "both are written"),
        ({"scratch": {"dim": 36}}, "dim = 36 does not divide by twice heads = 4"),
        ({"scratch": {}, "quantize": "4bit"}, "quantize: only a checkpoint"),
        ({"model": "a", "quantize": "2bit"}, "decoder.quantize"),
        ({"model": "a", "prompt": "{sign}"}, 'did you mean "signs"?'),
        ({"model": "a", "prompt": "{signs} {examples}"}, "say what one looks like"),
        ({"model": "a", "generation": {"num_beams": 1, "length_penalty": 2.0}}, "has no effect"),
        ({"model": "a", "freeze": True}, "decoder.freeze"),  # a stage says what is trained
    ],
)
def test_a_bad_table_is_refused(table, said):
    assert any(said in problem for problem in problems(table)), problems(table)


def test_the_width_meets_what_comes_in():
    inputs = TensorType("b t d", {"d": 12})
    with pytest.raises(TypeMismatch, match=r"d = 12.*d = 16 is needed"):
        SPEC.signature(configure(scratch={"dim": 16}), inputs)
    assert SPEC.signature(configure(model="a"), inputs) == TEXT  # only its weights can tell


def test_the_width_flows_back():
    inputs = TensorType("b t d")
    SPEC.signature(configure(scratch={"dim": 16}), inputs)
    assert inputs.known("d") == 16


def test_every_key_says_what_it_is():
    for cls in (CausalLmConfig, CausalScratch):
        for field in attrs.fields(cls):
            assert field.metadata["help"]
