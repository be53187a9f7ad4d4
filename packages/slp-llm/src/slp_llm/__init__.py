"""Decoders from sequences to text, and annotators of text. Importing this imports nothing heavy."""

from __future__ import annotations

from slp_core.lazy import attributes

_HOME = {
    "CTCDecoder": "decoders.ctc.model",
    "CTCDecoderConfig": "decoders.ctc.spec",
    "Cascade": "decoders.cascade.model",
    "CascadeConfig": "decoders.cascade.spec",
    "CausalLm": "decoders.causal_lm.model",
    "CausalLmConfig": "decoders.causal_lm.spec",
    "CausalScratch": "decoders.causal_lm.spec",
    "CrossEntropy": "objectives.cross_entropy.model",
    "CrossEntropyConfig": "objectives.cross_entropy.spec",
    "ExamplesConfig": "decoders.prompts",
    "Generation": "decoders.config",
    "Letters": "annotators.letters.model",
    "LettersConfig": "annotators.letters.spec",
    "Lora": "decoders.config",
    "Noise": "decoders.cascade.spec",
    "Phonemes": "annotators.phonemes.model",
    "PhonemesConfig": "annotators.phonemes.spec",
    "PseudoGloss": "annotators.pseudo_gloss.model",
    "PseudoGlossConfig": "annotators.pseudo_gloss.spec",
    "Scratch": "decoders.seq2seq.spec",
    "Seq2Seq": "decoders.seq2seq.model",
    "Seq2SeqConfig": "decoders.seq2seq.spec",
    "SignDescription": "annotators.sign_description.model",
    "SignDescriptionConfig": "annotators.sign_description.spec",
    "Vocabulary": "decoders.config",
    "error_rates": "decoders.cascade.errors",
}
__all__ = sorted(_HOME)
__getattr__ = attributes(__name__, _HOME)
