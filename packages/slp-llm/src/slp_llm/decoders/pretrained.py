"""Where the language model comes from: a checkpoint, a pipeline's own files, or nowhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from attrs import frozen

from slp_core.context import Context
from slp_core.errors import MissingWeights, UserError
from slp_llm.decoders import shapes
from slp_llm.decoders.quantization import leave_out, load_options
from slp_llm.decoders.vocabulary import train_tokenizer

#: Where a model's configuration keeps the weights that its checkpoint holds apart although the
#: family ties them (the head of T5 1.1, Flan-T5 and mT5).
UNTIED = "slp_untied"


@frozen
class Kind:
    """A kind of language model."""

    name: str  #: as messages call it: "encoder-decoder"
    auto: str  #: what of Transformers opens it: "AutoModelForSeq2SeqLM"
    scratch: Callable[[Any, Any], Any]  #: a new one's configuration, of ``Scratch`` and tokenizer


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


def load(config: Any, context: Context, kind: Kind, quantize: str | None = None) -> tuple[Any, Any]:
    """The Hugging Face model and its tokenizer, new tokens added.

    ``config`` has the keys ``model``, ``scratch``, ``dtype`` and ``new_tokens``. ``dtype`` is told
    to Transformers rather than converted to, for the frequencies of rotary positions stay float32.
    Quantised weights are no pipeline's own: they are the checkpoint's each time.

    Raises:
        MissingWeights: the checkpoint is not there.
        UserError: it is of another kind, or a model from scratch has no training text.
    """
    import torch
    import transformers

    where = context.path or "decoder"
    auto, dtype = getattr(transformers, kind.auto), getattr(torch, config.dtype)
    quantize = None if context.meta else quantize
    options = load_options(quantize, dtype, where) if quantize else {"dtype": dtype}
    with quiet():
        if context.assets is not None and not quantize:
            model, tokenizer = _from_assets(context.assets, auto, dtype)
        elif config.model is not None and context.meta:
            model, tokenizer = shapes.from_config(config, auto, dtype, kind.name, where)
            _untie(model, shapes.heads_apart(model, config.model))
        elif config.model is not None:
            model, tokenizer = _from_checkpoint(config.model, auto, kind.name, where, options)
            if context.assets is not None:
                tokenizer = _tokenizer(context.assets)
        else:
            tokenizer = train_tokenizer(config.scratch.vocabulary, _texts(context, where), where)
            model = auto.from_config(kind.scratch(config.scratch, tokenizer), dtype=dtype)
            # no translation says <unk>
            model.generation_config.suppress_tokens = [tokenizer.unk_token_id]
        if config.model is None or not context.meta:  # else nobody knows the vocabulary
            again = context.assets is not None
            _add_tokens(model, tokenizer, config.new_tokens, where, again)
    if hasattr(tokenizer, "src_lang"):  # M2M-100's cannot read targets without one
        tokenizer.tgt_lang = tokenizer.src_lang
    if quantize:
        leave_out(model)
    return model, tokenizer


def save(model: Any, tokenizer: Any, folder: Path) -> None:
    """What :func:`load` needs to make the same model again, without its weights."""
    model.config.save_pretrained(folder)
    model.generation_config.to_json_file(folder / "generation_config.json")
    tokenizer.save_pretrained(folder)


def _from_assets(folder: Path, auto: Any, dtype: Any) -> tuple[Any, Any]:
    from transformers import AutoConfig, GenerationConfig

    model = auto.from_config(AutoConfig.from_pretrained(folder), dtype=dtype)
    _untie(model, getattr(model.config, UNTIED, ()))
    model.generation_config = GenerationConfig.from_pretrained(folder)
    return model, _tokenizer(folder)


def _tokenizer(folder: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder, local_files_only=True)


def _from_checkpoint(
    name: str, auto: Any, kind: str, where: str, options: dict[str, Any]
) -> tuple[Any, Any]:
    from transformers import AutoTokenizer

    try:
        model, report = auto.from_pretrained(
            name, trust_remote_code=False, output_loading_info=True, **options
        )
        tokenizer = AutoTokenizer.from_pretrained(name, trust_remote_code=False)
    except OSError as error:
        fetch = f"hf download {name}"
        raise MissingWeights(
            f'{where}.model: "{name}" is neither a local folder with a model and its tokenizer '
            f"nor in the cache of the hub, and could not be downloaded; on a machine with "
            f"network: `{fetch}`, or give the folder it was copied to\n  {error}",
            f"{where}.model",
            name,
            fetch,
        ) from error
    except ValueError as error:
        raise UserError(
            f'{where}.model: "{name}" is no {kind} with its tokenizer: {error}'
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
            numbers = model.device.type != "meta"
            model.resize_token_embeddings(len(tokenizer), mean_resizing=numbers)
        model.tie_weights(recompute_mapping=False)
