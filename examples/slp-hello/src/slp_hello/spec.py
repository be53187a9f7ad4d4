from attrs import field, frozen

from slp_core import ComponentSpec, TensorType


@frozen
class VelocityConfig:
    scale: float = field(default=1.0, metadata={"help": "what changes are multiplied by"})


def signature(config: VelocityConfig, inputs: TensorType) -> TensorType:
    width = inputs.expect("b t d").known("d")
    return inputs.to(d=2 * width, modality=None)


SPEC = ComponentSpec("encoder", VelocityConfig, "slp_hello.model:Velocity", signature)
