"""A convolution that may stride, sinusoidal positions, and PyTorch's own Transformer encoder."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from slp_core.context import Context
from slp_core.errors import UserError
from slp_core.norm import MaskedBatchNorm
from slp_core.parts import Encoder, ReceptiveField
from slp_core.sequence import Sequence
from slp_core.transformer import sinusoids, transformer_layers
from slp_encoders.encoders.pose_transformer.spec import PoseTransformerConfig
from slp_encoders.encoders.windows import Windows


class PoseTransformerEncoder(Encoder):
    """``b t d`` to ``b t' dim`` (Vaswani et al., arXiv:1706.03762).

    Each channel is brought to mean 0 and deviation 1 over the training data, so that fingers count
    beside arms. The convolution sees ``kernel`` steps around every ``stride``-th; sinusoidal
    positions and pre-norm layers follow.

    A step may see the whole clip, and where in it it stands. With ``window``, it is the mean of
    what becomes of that many steps by themselves, as if they were a clip.
    """

    config: PoseTransformerConfig

    def __init__(
        self,
        config: PoseTransformerConfig,
        context: Context = Context(),  # noqa: B008
    ) -> None:
        super().__init__(config, context)
        if context.inputs is None:
            raise UserError(
                "a pose-transformer is built with Context(inputs=TensorType(...)), what it reads"
            )
        width, dim = context.inputs.known("d"), config.dim
        self.norm = MaskedBatchNorm(width)
        stride = config.stride
        if config.window is not None:
            self.receptive_field = ReceptiveField(config.window, stride)
            stride = 1  # windows are that far apart already
        self.convolution = nn.Conv1d(width, dim, config.kernel, stride, padding=config.kernel // 2)
        self.dropout = nn.Dropout(config.dropout)
        self.layers = transformer_layers(
            dim, config.heads, config.ffn, config.dropout, config.layers
        )

    def forward(self, inputs: Sequence) -> Sequence:
        window, stride = self.config.window, self.config.stride
        steps = self.norm(inputs).values  # (b, t, d)
        if window is not None:
            windows = Windows.of(inputs, window, stride)
            taken = steps[windows.clip[:, None], windows.frame]  # (n, w, d)
            return windows.sequence(self._encode(taken).mean(1))
        mask = inputs.mask[:, ::stride]  # (b, t')
        values = self._encode(steps, ~mask)
        return Sequence(values.masked_fill(~mask[..., None], 0), mask, inputs.rate / stride)

    def _encode(self, steps: Tensor, padding: Tensor | None = None) -> Tensor:
        """``b t d`` to ``b t' dim``, blind to those of the ``t'`` that ``padding`` marks."""
        values = self.convolution(steps.mT).mT  # (b, t', dim)
        places = torch.arange(values.shape[1], device=values.device)
        values = values + sinusoids(places, values.shape[2]).to(values)
        return self.layers(self.dropout(values), src_key_padding_mask=padding)
