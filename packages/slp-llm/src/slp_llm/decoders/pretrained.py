"""Where the language model comes from: a checkpoint, a pipeline's own files, or nowhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from attrs import frozen

from slp_core.context import Context
from slp_core.errors import UserError
from slp_core.hub import no_checkpoint
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

    @property
    def opener(self) -> Any:
        """The class that ``auto`` names."""
        import transformers

        return getattr(transformers, self.auto)


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
    if context.meta:
        quantize = None
    with quiet():
        if context.assets is not None and quantize is None:
            model, tokenizer = _from_assets(config, context.assets, kind)
        elif config.model is None:
            model, tokenizer = _from_scratch(config, context, kind)
        elif context.meta:
            model, tokenizer = _from_shapes(config, context, kind)
        else:
            model, tokenizer = _from_checkpoint(config, context, kind, quantize)
    if hasattr(tokenizer, "src_lang"):  # M2M-100's cannot read targets without one
        tokenizer.tgt_lang = tokenizer.src_lang
    return model, tokenizer


def save(model: Any, tokenizer: Any, folder: Path) -> None:
    """What :func:`load` needs to make the same model again, without its weights."""
    model.config.save_pretrained(folder)
    model.generation_config.to_json_file(folder / "generation_config.json")
    tokenizer.save_pretrained(folder)


def _from_assets(config: Any, folder: Path, kind: Kind) -> tuple[Any, Any]:
    """A pipeline's own, new tokens among them."""
    from transformers import AutoConfig, GenerationConfig

    try:
        own = AutoConfig.from_pretrained(folder, trust_remote_code=False)
        model = kind.opener.from_config(own, dtype=_dtype(config), trust_remote_code=False)
        model.generation_config = GenerationConfig.from_pretrained(folder)
        tokenizer = _tokenizer(folder)
    except (OSError, ValueError) as error:
        raise UserError(f"{folder}: is no {kind.name} of a saved pipeline: {error}") from error
    _untie(model, getattr(model.config, UNTIED, ()))
    return model, tokenizer


def _from_scratch(config: Any, context: Context, kind: Kind) -> tuple[Any, Any]:
    """A new model, and a tokenizer of the training text."""
    where = _where(context)
    tokenizer = train_tokenizer(config.scratch.vocabulary, _texts(context, where), where)
    own = kind.scratch(config.scratch, tokenizer)
    model = kind.opener.from_config(own, dtype=_dtype(config))
    # no translation says <unk>
    model.generation_config.suppress_tokens = [tokenizer.unk_token_id]
    _add_tokens(tokenizer, config.new_tokens, where)
    _make_room(model, tokenizer)
    return model, tokenizer


def _from_shapes(config: Any, context: Context, kind: Kind) -> tuple[Any, Any]:
    """A checkpoint's shapes alone. New tokens are not added: nobody knows the vocabulary."""
    where = _where(context)
    model, tokenizer = shapes.from_config(config, kind.opener, _dtype(config), kind.name, where)
    _untie(model, shapes.heads_apart(model, config.model))
    return model, tokenizer


def _from_checkpoint(
    config: Any, context: Context, kind: Kind, quantize: str | None
) -> tuple[Any, Any]:
    """A checkpoint; of a pipeline that has its quantised weights from there, the tokenizer is its
    own."""
    where, dtype = _where(context), _dtype(config)
    options = load_options(quantize, dtype, where) if quantize else {"dtype": dtype}
    model, tokenizer = open_checkpoint(config.model, kind, where, options)
    if context.assets is None:
        _add_tokens(tokenizer, config.new_tokens, where)
    else:
        tokenizer = _tokenizer(context.assets)
    _make_room(model, tokenizer)
    if quantize:
        leave_out(model)
    return model, tokenizer


def _where(context: Context) -> str:
    return context.path or "decoder"


def _dtype(config: Any) -> Any:
    import torch

    return getattr(torch, config.dtype)


def _tokenizer(folder: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)


def open_checkpoint(name: str, kind: Kind, where: str, options: dict[str, Any]) -> tuple[Any, Any]:
    """The model and the tokenizer at the hub or in a folder, whole.

    Raises:
        MissingWeights: they are not there.
        UserError: they are of another kind, or weights are missing.
    """
    from transformers import AutoTokenizer

    try:
        model, report = kind.opener.from_pretrained(
            name, trust_remote_code=False, output_loading_info=True, **options
        )
        tokenizer = AutoTokenizer.from_pretrained(name, trust_remote_code=False)
    except OSError as error:
        raise no_checkpoint(kind.name, name, f"{where}.model", error) from error
    except ValueError as error:
        raise UserError(
            f'{where}.model: "{name}" is no {kind.name} with its tokenizer: {error}'
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
            f"{where}.scratch: the tokenizer is trained on the training rows, and there are none "
            "yet; [data] train names them in a recipe, Context(train=...) in Python"
        )
    return [*context.train.column(context.target), *context.texts]


def _add_tokens(tokenizer: Any, new: Sequence[str], where: str) -> None:
    known = set(tokenizer.get_vocab())
    for token in new:
        if token in known:
            raise UserError(f'{where}.new_tokens: "{token}" is in the vocabulary already')
    tokenizer.add_special_tokens(
        {"extra_special_tokens": list(new)}, replace_extra_special_tokens=False
    )


def _make_room(model: Any, tokenizer: Any) -> None:
    """An embedding for each token."""
    from transformers.initialization import no_tie_weights

    if len(tokenizer) > model.get_input_embeddings().num_embeddings:
        with no_tie_weights():  # or a head of its own would be tied to the embeddings
            numbers = model.device.type != "meta"
            model.resize_token_embeddings(len(tokenizer), mean_resizing=numbers)
        model.tie_weights(recompute_mapping=False)
