"""The encoder of signals that are vectors already."""

from __future__ import annotations

from slp_core.errors import UserError
from slp_core.parts import Encoder
from slp_core.sequence import Sequence


class PassThrough(Encoder):
    """``b t d`` to the same ``b t d``; no parameters."""

    def forward(self, inputs: Sequence) -> Sequence:
        """Give the inputs back.

        Raises:
            UserError: they are not as wide as ``dim`` declares.
        """
        declared, width = self.config.dim, inputs.values.shape[-1]
        if declared not in (None, width):
            where = self.context.path or type(self.config).__name__
            raise UserError(f"{where}: dim = {declared} is declared, the signal is {width} wide")
        return inputs
