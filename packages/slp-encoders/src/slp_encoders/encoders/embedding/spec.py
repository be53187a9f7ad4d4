"""The ``embedding`` encoder: a learnt vector for each token id."""

from __future__ import annotations

from attrs import field, frozen
from attrs.validators import and_, ge, lt

from slp_core.spec import ComponentSpec
from slp_core.tensortype import Size, TensorType


@frozen
class EmbeddingConfig:
    dim: int = field(validator=ge(1), metadata={"help": "width of the vectors"})
    dropout: float = field(
        default=0.0,
        validator=and_(ge(0), lt(1)),
        metadata={"help": "share of the vectors' entries zeroed in training"},
    )


def signature(config: EmbeddingConfig, inputs: TensorType) -> TensorType:
    """``b t`` token ids to ``b t dim``."""
    inputs.expect("b t", dtype="int64")
    return inputs.to("b t d", d=Size(config.dim, "dim"), dtype="float32", modality=None)


SPEC = ComponentSpec(
    kind="encoder",
    config=EmbeddingConfig,
    signature=signature,
    factory="slp_encoders.encoders.embedding.model:EmbeddingEncoder",
    summary="a learnt vector for each token id",
    example={"dim": 256},
)
