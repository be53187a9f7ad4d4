"""Linear layers in 4 or 8 bits through bitsandbytes."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from slp_core.errors import UserError


def load_options(quantize: str, dtype: Any, where: str) -> dict[str, Any]:
    """What ``from_pretrained`` is told: NF4 with quantised constants ("4bit"; Dettmers et al.,
    arXiv:2305.14314) or LLM.int8 ("8bit"; arXiv:2208.07339), all else in ``dtype``.

    Raises:
        UserError: bitsandbytes is not installed.
    """
    from transformers import BitsAndBytesConfig

    if find_spec("bitsandbytes") is None:
        raise UserError(
            f'{where}.quantize: "{quantize}" needs bitsandbytes, which is not installed: '
            "uv pip install 'slp-llm[quantize]', or leave quantize out"
        )
    four = {
        "load_in_4bit": True,
        "bnb_4bit_quant_type": "nf4",
        "bnb_4bit_use_double_quant": True,
        "bnb_4bit_compute_dtype": dtype,
    }
    config = BitsAndBytesConfig(**(four if quantize == "4bit" else {"load_in_8bit": True}))
    return {"dtype": dtype, "quantization_config": config}


def leave_out(model: Any) -> None:
    """Keep quantised weights, which nothing trains, out of what ``model`` saves and loads."""
    for layer in model.modules():
        if type(layer).__module__.startswith("bitsandbytes."):
            layer.register_state_dict_post_hook(_drop)
            layer.register_load_state_dict_pre_hook(_keep)


def _drop(layer: Any, state: dict[str, Any], prefix: str, _: Any) -> None:
    for name in [name for name in state if name.startswith(prefix) and name != f"{prefix}bias"]:
        del state[name]


def _keep(layer: Any, state: dict[str, Any], prefix: str, *_: Any) -> None:
    own = dict(layer.named_parameters(recurse=False)) | dict(layer.named_buffers(recurse=False))
    state |= {f"{prefix}{name}": value for name, value in own.items() if name != "bias"}
