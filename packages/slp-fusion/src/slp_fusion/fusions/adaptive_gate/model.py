"""SignBind-LLM's fusion: a route between the hands' experts, and a gate to the lips."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from slp_core.context import Context
from slp_core.errors import UserError
from slp_core.sequence import Sequence
from slp_fusion.fusions.adaptive_gate.spec import AdaptiveGateConfig
from slp_fusion.fusions.resampling import resample
from slp_fusion.fusions.routing import RoutedFusion


class AdaptiveGate(RoutedFusion):
    """Several ``b t d`` to one (arXiv:2509.00030, section 3.4): H = g M + (1 - g) Q.

    M: the hands, as :meth:`manual` gives them. Q: the lips, on the steps of M
    (:func:`~slp_fusion.fusions.resampling.resample`). g = sigmoid(W x + b) of every step, for each
    channel (``per = "channel"``) or one for all (``"step"``), from x = M (``on = "manual"``) or
    x = [M; Q] (``"both"``). Without a gate H = M.
    """

    config: AdaptiveGateConfig

    def __init__(self, config: AdaptiveGateConfig, context: Context = Context()) -> None:  # noqa: B008
        super().__init__(config, context, config.lips)
        self.gate: nn.Linear | None = None
        if config.gate is not None:
            told_by = 2 * self.width if config.gate.on == "both" else self.width
            self.gate = nn.Linear(told_by, self.width if config.gate.per == "channel" else 1)
        self._spread: Tensor | None = None

    def forward(self, streams: dict[str, Sequence]) -> Sequence:
        """``b t d`` on the clock of the hands."""
        manual = self.manual(streams)
        if self.gate is None:
            return manual
        lips, gate = self._gated(manual, streams)
        if self.training:
            seen = gate.detach()[manual.mask]  # (n, d or 1)
            self._spread = torch.stack([seen.mean(), seen.std(correction=0)])
        return manual.with_values(gate * manual.values + (1 - gate) * lips)

    def gates(self, streams: dict[str, Sequence]) -> Sequence:
        """g, ``b t d`` or ``b t 1``, with the likeliest routes: 1 where only the hands count.

        Raises:
            UserError: there is no gate.
        """
        manual = self.manual(streams, noise=False)
        return manual.with_values(self._gated(manual, streams)[1])

    def shares(self, streams: dict[str, Sequence]) -> dict[str, Sequence]:
        """Of each expert its probability to be heard times the gate, and of the lips what the gate
        leaves them: p_k g and 1 - g, ``b t`` with the mean of g over channels."""
        experts = super().shares(streams)
        if self.gate is None or self.config.gate is None:
            return experts
        gates = self.gates(streams)
        hands = gates.values.float().mean(-1)  # (b, t)
        if not experts:
            experts = {self.experts[0]: gates.with_values(torch.ones_like(hands))}
        told = {name: one.with_values(one.values * hands) for name, one in experts.items()}
        return told | {self.config.gate.with_: gates.with_values(1 - hands)}

    def subparts(self) -> dict[str, Iterable[nn.Parameter]]:
        """``router`` and ``gate``."""
        gate = {"gate": self.gate.parameters()} if self.gate else {}
        return super().subparts() | gate

    def gauges(self) -> dict[str, float]:
        """Those of the route; ``gate_mean`` and ``gate_std`` over the last training batch: a gate
        at 0.5 everywhere has learnt nothing."""
        if self._spread is None:
            return super().gauges()
        mean, std = self._spread.tolist()
        return super().gauges() | {"gate_mean": mean, "gate_std": std}

    def _gated(self, manual: Sequence, streams: dict[str, Sequence]) -> tuple[Tensor, Tensor]:
        """The lips ``b t d`` on the clock of the hands, and the gate between them."""
        if self.gate is None or self.config.gate is None:
            raise UserError(f"{self.context.path or type(self).__name__}: has no `gate`")
        lips = resample(streams[self.config.gate.with_], manual).values
        both = [manual.values, lips] if self.config.gate.on == "both" else [manual.values]
        return lips, self.gate(torch.cat(both, -1)).sigmoid()
