"""The alternative that SignBind-LLM measures its gate against."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn

from slp_core.context import Context
from slp_core.errors import UserError
from slp_core.sequence import Sequence
from slp_core.transformer import sinusoids
from slp_fusion.fusions.cross_attention.spec import CrossAttentionConfig
from slp_fusion.fusions.resampling import pace
from slp_fusion.fusions.routing import RoutedFusion


class CrossAttention(RoutedFusion):
    """Several ``b t d`` to one: H = norm(M + attention(M + p, Q + p', Q)), over all steps of the
    lips Q (arXiv:2509.00030, the ablation; its details are not told).

    M: the hands, as :meth:`manual` gives them. p and p' are sinusoids (arXiv:1706.03762, section
    3.5) of the time of each step, counted in steps of M: what coincides has the same ones, whatever
    the rates. The cost grows with the product of the lengths.
    """

    config: CrossAttentionConfig

    def __init__(self, config: CrossAttentionConfig, context: Context = Context()) -> None:  # noqa: B008
        super().__init__(config, context, config.to)
        if self.width % config.heads:
            raise UserError(
                f"{context.path or 'cross-attention'}: the streams are {self.width} wide, which is "
                f"no multiple of `heads`, {config.heads}"
            )
        self.attention = nn.MultiheadAttention(
            self.width, config.heads, config.dropout, batch_first=True
        )
        self.dropout = nn.Dropout(config.dropout)
        self.norm = nn.LayerNorm(self.width)

    def forward(self, streams: dict[str, Sequence]) -> Sequence:
        """``b t d`` on the clock of the hands."""
        manual, lips = self.manual(streams), streams[self.config.to]
        values = lips.values.masked_fill(~lips.mask[..., None], 0)  # (b, t', d)
        ours, theirs = (
            torch.arange(one.mask.shape[1], device=values.device) for one in (manual, lips)
        )
        times = (theirs + 0.5) / pace(lips, manual)[:, None] - 0.5  # (b, t'), in steps of ours
        told, _ = self.attention(
            manual.values + sinusoids(ours, self.width).to(values),
            values + sinusoids(times, self.width).to(values),
            values,
            key_padding_mask=~lips.mask,
            need_weights=False,
        )
        fused = self.norm(manual.values + self.dropout(told))  # (b, t, d)
        return manual.with_values(fused.masked_fill(~manual.mask[..., None], 0))

    def subparts(self) -> dict[str, Iterable[nn.Parameter]]:
        """``router`` and ``attention``, its norm included."""
        own = (*self.attention.parameters(), *self.norm.parameters())
        return super().subparts() | {"attention": own}
