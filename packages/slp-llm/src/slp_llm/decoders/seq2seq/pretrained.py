"""Where the language model comes from: a checkpoint, a pipeline's own files, or nowhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from slp_core.context import Context
from slp_core.errors import UserError
from slp_llm.decoders.seq2seq.spec import Scratch, Seq2SeqConfig
from slp_llm.decoders.seq2seq.vocabulary import train_tokenizer

#: Where a model's configuration keeps the weights that its checkpoint holds apart although the
#: family ties them (the head of T5 1.1, Flan-T5 and mT5).
UNTIED = "slp_untied"


@contextmanager
def quiet() -> Iterator[None]:
    """Transformers speaks of errors only: what it would warn of is settled here."""
    from transformers.utils import logging

    before = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(before)


def load(config: Seq2SeqConfig, context: Context) -> tuple[Any, Any]:
    """The Hugging Face model and its tokenizer, new tokens added.

    Raises:
        UserError: the checkpoint is not there or is no encoder-decoder, or a model from scratch
            has no training text.
    """
    import torch

    where = context.path or "decoder"
    with quiet():
        if context.assets is not None:
            model, tokenizer = _from_assets(context.assets)
        elif config.model is not None:
            model, tokenizer = _from_checkpoint(config.model, where)
        else:
            assert config.scratch is not None
            model, tokenizer = _from_scratch(config.scratch, _texts(context, where), where)
        _add_tokens(model, tokenizer, config.new_tokens, where, again=context.assets is not None)
    if hasattr(tokenizer, "src_lang"):  # M2M-100's cannot read targets without one
        tokenizer.tgt_lang = tokenizer.src_lang
    return model.to(getattr(torch, config.dtype)), tokenizer


def save(model: Any, tokenizer: Any, folder: Path) -> None:
    """What :func:`load` needs to make the same model again, without its weights."""
    model.config.save_pretrained(folder)
    model.generation_config.to_json_file(folder / "generation_config.json")
    tokenizer.save_pretrained(folder)


def _from_assets(folder: Path) -> tuple[Any, Any]:
    from transformers import AutoConfig, AutoModelForSeq2SeqLM, AutoTokenizer, GenerationConfig

    model = AutoModelForSeq2SeqLM.from_config(AutoConfig.from_pretrained(folder))
    _untie(model, getattr(model.config, UNTIED, ()))
    model.generation_config = GenerationConfig.from_pretrained(folder)
    return model, AutoTokenizer.from_pretrained(folder, local_files_only=True)


def _from_checkpoint(name: str, where: str) -> tuple[Any, Any]:
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    try:
        model, report = AutoModelForSeq2SeqLM.from_pretrained(
            name, trust_remote_code=False, output_loading_info=True
        )
        tokenizer = AutoTokenizer.from_pretrained(name, trust_remote_code=False)
    except OSError as error:
        raise UserError(
            f'{where}.model: "{name}" is neither a local folder with a model and its tokenizer '
            f"nor in the cache of the hub, and could not be downloaded; on a machine with "
            f"network: `hf download {name}`, or give the folder it was copied to\n  {error}"
        ) from error
    except ValueError as error:
        raise UserError(
            f'{where}.model: "{name}" is no encoder-decoder with its tokenizer: {error}'
        ) from error
    if report["missing_keys"]:
        missing = sorted(report["missing_keys"])
        raise UserError(
            f'{where}.model: "{name}" lacks {len(missing)} weights: {", ".join(missing[:3])} ...'
        )
    untied = {*model.get_expanded_tied_weights_keys(all_submodels=True)}
    untied -= {*model.all_tied_weights_keys}
    if untied:
        setattr(model.config, UNTIED, sorted(untied))
    return model, tokenizer


def _untie(model: Any, names: Sequence[str]) -> None:
    """Make weights that the family ties parameters of their own again."""
    from torch import nn

    for name in names:
        part, _, weight = name.rpartition(".")
        own = nn.Parameter(model.get_parameter(name).detach().clone())
        setattr(model.get_submodule(part), weight, own)
        del model.all_tied_weights_keys[name]


def _texts(context: Context, where: str) -> list[str]:
    if context.train is None:
        raise UserError(
            f"{where}.scratch: the tokenizer is trained on the training rows, and there are none; "
            "give [data] train in the recipe, or Context(train=...) in Python"
        )
    return context.train.column(context.target)


def _from_scratch(config: Scratch, texts: Sequence[str], where: str) -> tuple[Any, Any]:
    """A pre-norm Transformer (M2M-100's layers) of the configured size."""
    from transformers import M2M100Config, M2M100ForConditionalGeneration

    tokenizer = train_tokenizer(config.vocabulary, texts, where)
    model = M2M100ForConditionalGeneration(
        M2M100Config(
            vocab_size=len(tokenizer),
            d_model=config.dim,
            encoder_layers=config.layers,
            decoder_layers=config.decoder_layers or config.layers,
            encoder_attention_heads=config.heads,
            decoder_attention_heads=config.heads,
            encoder_ffn_dim=config.ffn,
            decoder_ffn_dim=config.ffn,
            dropout=config.dropout,
            attention_dropout=config.attention_dropout,
            activation_dropout=config.activation_dropout,
            encoder_layerdrop=0.0,
            decoder_layerdrop=0.0,
            activation_function=config.activation,
            scale_embedding=config.scale_embedding,
            init_std=config.init_std,
            pad_token_id=tokenizer.pad_token_id,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            decoder_start_token_id=tokenizer.bos_token_id,
        )
    )
    model.generation_config.suppress_tokens = [tokenizer.unk_token_id]  # no translation says <unk>
    return model, tokenizer


def _add_tokens(model: Any, tokenizer: Any, new: Sequence[str], where: str, again: bool) -> None:
    from transformers.initialization import no_tie_weights

    known = set(tokenizer.get_vocab())
    if not again:
        for token in new:
            if token in known:
                raise UserError(f'{where}.new_tokens: "{token}" is in the vocabulary already')
    fresh: list[Any] = [token for token in new if token not in known]
    tokenizer.add_special_tokens(
        {"extra_special_tokens": fresh}, replace_extra_special_tokens=False
    )
    if len(tokenizer) > model.get_input_embeddings().num_embeddings:
        with no_tie_weights():  # or a head of its own would be tied to the embeddings
            model.resize_token_embeddings(len(tokenizer))
        model.tie_weights(recompute_mapping=False)
