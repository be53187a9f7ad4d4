"""The ``vq-sign`` tokenizer: each step's nearest code in a learnt codebook."""

from __future__ import annotations

from attrs import field, frozen
from attrs.validators import ge

from slp_core.spec import ComponentSpec
from slp_core.tensortype import Size, TensorType


@frozen
class VQSignConfig:
    codes: int = field(default=256, validator=ge(2), metadata={"help": "size of the codebook"})
    ahead: int = field(
        default=3,
        validator=ge(1),
        metadata={"help": "how many steps ahead are predicted (by the objective "
                          "context-prediction)"},
    )  # fmt: skip
    kmeans_init: bool = field(
        default=False,
        metadata={"help": "begin with the k-means centres of the first training batch"},
    )
    restart: float = field(
        default=0.0,
        validator=ge(0),
        metadata={"help": "a code used less than this share of an even use begins anew at a step "
                          "of the batch; 0: none does"},
    )  # fmt: skip


def signature(config: VQSignConfig, inputs: TensorType) -> TensorType:
    """``b t d`` to the same, with a ``vocabulary`` of codes."""
    inputs.expect("b t d", dtype="float32")
    return inputs.to(modality=None, vocabulary=Size(config.codes, "codes"))


SPEC = ComponentSpec(
    kind="tokenizer",
    config=VQSignConfig,
    signature=signature,
    factory="slp_encoders.tokenizers.vq_sign.model:VQSign",
    summary="each step's nearest code in a learnt codebook, as in SignLLM",
    paper="arXiv:2404.00925",
)
