from attrs import frozen

from slp_core import ComponentSpec, TensorType


@frozen
class VelocityConfig:
    scale: float = 1.0


def signature(config: VelocityConfig, inputs: TensorType) -> TensorType:
    width = inputs.expect("b t d").known("d")
    return inputs.to(d=2 * width, modality=None)


SPEC = ComponentSpec("encoder", VelocityConfig, "slp_hello.model:Velocity", signature)
