"""A language model of shapes alone, from the configuration of its checkpoint (``Context.meta``)."""

from __future__ import annotations

from typing import Any

from slp_core.errors import UserError
from slp_core.hub import no_checkpoint

CONFIG = "config.json"


def from_config(config: Any, auto: Any, dtype: Any, kind: str, where: str) -> tuple[Any, Any]:
    """The model on the default device, and a tokenizer of bytes, which reads any prompt.

    Without the checkpoint's tokenizer nobody knows whether ``new_tokens`` need rows of their own:
    they are not counted, nor is ``quantize`` followed.

    Raises:
        MissingWeights: not even ``config.json`` is there.
        UserError: it is of another kind.
    """
    from transformers import AutoConfig

    name = config.model
    try:
        read = AutoConfig.from_pretrained(name, trust_remote_code=False)
        model = auto.from_config(read, dtype=dtype)
    except OSError as error:
        raise no_checkpoint(kind, name, f"{where}.model", error, CONFIG) from error
    except ValueError as error:
        raise UserError(f'{where}.model: "{name}" is no {kind}: {error}') from error
    if model.generation_config.decoder_start_token_id is None:  # it may be in another file
        model.generation_config.decoder_start_token_id = 0
    return model, _tokenizer(config)


def heads_apart(model: Any, name: str) -> list[str]:
    """The weights of a head that the family ties to its embeddings and this checkpoint does not:
    T5 1.1, Flan-T5 and mT5, of which Transformers 5 keeps ``scale_decoder_outputs = false``."""
    from transformers import PreTrainedConfig

    written, _ = PreTrainedConfig.get_config_dict(name)
    tied = written.get("tie_word_embeddings", True) and written.get("scale_decoder_outputs", True)
    head = model.get_output_embeddings()
    return [
        key
        for key in (() if tied else model.all_tied_weights_keys)
        if model.get_submodule(key.rpartition(".")[0]) is head
    ]


def _tokenizer(config: Any) -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    made: Any = Tokenizer(models.BPE({letter: n for n, letter in enumerate(letters)}, []))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=made, bos_token="<s>", eos_token="</s>", pad_token="<pad>"
    )
    languages = (getattr(config, f"{side}_language", None) for side in ("source", "target"))
    if tags := [tag for tag in languages if tag is not None]:
        tokenizer.src_lang = tags[0]
        tokenizer.lang_code_to_id = {tag: number for number, tag in enumerate(tags)}
    return tokenizer
