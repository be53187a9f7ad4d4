import torch

from slp_core import Encoder, Sequence


class Velocity(Encoder):
    """Each step beside its change since the step before: b t d to b t 2d."""

    def forward(self, inputs: Sequence) -> Sequence:
        change = torch.diff(inputs.values, dim=1, prepend=inputs.values[:, :1])
        return inputs.with_values(torch.cat([inputs.values, self.config.scale * change], -1))
