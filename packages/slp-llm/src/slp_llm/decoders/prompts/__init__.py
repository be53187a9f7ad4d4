"""Prompts: text around the signs, with examples of translations from the training rows.

A template holds ``{signs}``, where the visual steps go, and ``{examples}``, where a few training
rows are shown, as SpaMo does (arXiv:2408.10593)::

    "{signs} Translate the given sentence into German. {examples}"

Its release takes the examples from the batch, in evaluation too, so that one test sentence is
shown the reference of another, and it looks for a permutation until one fits. Here they come from
the training rows only, and a row's are found in one walk.
"""

from slp_llm.decoders.prompts.examples import ExamplesConfig, check_examples
from slp_llm.decoders.prompts.prompt import Prompt
from slp_llm.decoders.prompts.template import Template, is_prompt

__all__ = ["ExamplesConfig", "Prompt", "Template", "check_examples", "is_prompt"]
