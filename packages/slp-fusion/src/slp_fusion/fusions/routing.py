"""Which expert tells of the hands at every step, by straight-through Gumbel-Softmax."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from slp_core.context import Context
from slp_core.errors import UserError
from slp_core.parts import Fusion
from slp_core.sequence import Sequence
from slp_fusion.fusions.config import RouterConfig, experts
from slp_fusion.fusions.resampling import resample


class Router(nn.Module):
    """Steps ``b t d`` to one logit a route, ``b t r``, and to a route for every step.

    While it is trained a route is drawn (Jang et al., arXiv:1611.01144): one-hot in the forward
    pass, with the gradient of the softmax of (logits + Gumbel noise) / tau. tau smooths the
    gradient alone; what is drawn follows the softmax of the logits. It goes geometrically from
    ``temperature`` to ``final`` over the first ``steps`` draws, those of accumulated batches and
    of earlier stages included; a buffer counts them, so that a resumed run goes on. In evaluation,
    and where a stage leaves the router frozen, it is the likeliest route.
    """

    draws: Tensor

    def __init__(self, config: RouterConfig, width: int) -> None:
        super().__init__()
        self.config = config
        routes = len(config.routes)
        first = nn.Conv1d(width, config.hidden or routes, config.window, padding="same")
        deeper = [nn.ReLU(), nn.Conv1d(config.hidden, routes, 1)] if config.hidden else []
        self.layers = nn.Sequential(first, *deeper)
        self.register_buffer("draws", torch.tensor(0))

    @property
    def temperature(self) -> float:
        """tau of the next draw."""
        config = self.config
        gone = min(int(self.draws) / config.steps, 1)
        return config.temperature * (config.final / config.temperature) ** gone

    @property
    def learns(self) -> bool:
        """Whether it is trained: not where all its parameters are frozen."""
        return self.training and any(one.requires_grad for one in self.parameters())

    def forward(self, steps: Sequence) -> Sequence:
        """The logits of every step, ``b t r``; zeros stand for steps outside the sample."""
        values = steps.values.masked_fill(~steps.mask[..., None], 0)
        return steps.with_values(self.layers(values.mT).mT)

    def draw(self, logits: Tensor) -> Tensor:
        """``b t r`` to one-hot ``b t r`` with a gradient; counted."""
        precise = logits.to(torch.promote_types(logits.dtype, torch.float32))
        drawn = F.gumbel_softmax(precise, self.temperature, hard=True)
        self.draws += 1
        return drawn


class RoutedFusion(Fusion):
    """A fusion of the hands with the stream ``lips``. The hands are told by one expert, or by
    several and a router; the steps of the (first) expert are the clock of all."""

    def __init__(self, config: Any, context: Context, lips: str | None) -> None:
        super().__init__(config, context)
        types = context.streams
        if not types:
            raise UserError(
                f"{type(self).__name__} is built with Context(streams={{...}}), the types it reads"
            )
        self.route: RouterConfig | None = config.route
        self.experts = experts(self.route, lips, types)
        self.width = types[self.experts[0]].known("d")
        self.router = self.route and Router(self.route, types[self.route.on].known("d"))
        self._shares: Tensor | None = None

    @property
    def route_names(self) -> tuple[str, ...]:
        """What the router's classes are called; none where there is no router."""
        return self.route.routes if self.route else ()

    def subparts(self) -> dict[str, Iterable[nn.Parameter]]:
        """``router``."""
        return {"router": self.router.parameters()} if self.router else {}

    def gauges(self) -> dict[str, float]:
        """``temperature``, and ``share_<route>``: the steps of the last training batch that went
        that way."""
        if self.router is None:
            return {}
        told = {"temperature": self.router.temperature}
        if self._shares is not None:
            shares = self._shares.tolist()
            told |= {f"share_{n}": one for n, one in zip(self.route_names, shares, strict=True)}
        return told

    def route_logits(self, streams: dict[str, Sequence]) -> Sequence:
        """``b t r`` on the experts' clock: the logarithm of each route's odds, up to a constant.

        Raises:
            UserError: there is no router.
        """
        if self.router is None or self.route is None:
            raise UserError(f"{self.context.path or type(self).__name__}: has no `route`")
        logits = self.router(streams[self.route.on])
        return resample(logits, streams[self.experts[0]])

    def routes(self, streams: dict[str, Sequence]) -> Sequence:
        """``b t r`` on the experts' clock: the probability of each of :attr:`route_names`, without
        noise.

        Raises:
            UserError: there is no router.
        """
        logits = self.route_logits(streams)
        return logits.with_values(logits.values.float().softmax(-1))

    def shares(self, streams: dict[str, Sequence]) -> dict[str, Sequence]:
        """Of the hands alone: each expert's probability to be the one that is heard, ``b t`` on
        the experts' clock. What the lips add to them cannot be told apart."""
        if self.router is None:
            return {}
        routes = self.routes(streams)
        return {
            name: routes.with_values(routes.values[..., route])
            for route, name in enumerate(self.experts)
        }

    def manual(self, streams: dict[str, Sequence], *, noise: bool = True) -> Sequence:
        """What the hands say, ``b t d``: M_t = sum over experts k of r_t[k] S_k,t, and nothing
        where the route is ``rest``. r_t is one-hot: drawn while the router is trained, and the
        likeliest otherwise, or without ``noise``."""
        clock = streams[self.experts[0]]
        if self.router is None:
            return resample(clock, clock)
        logits = self.route_logits(streams).values
        if noise and self.router.learns:
            chosen = self.router.draw(logits)
        else:
            chosen = F.one_hot(logits.argmax(-1), logits.shape[-1])
        if self.training:
            self._shares = chosen.detach()[clock.mask].float().mean(0)
        values = torch.stack(
            [
                chosen[..., [route]].to(clock.values) * resample(streams[name], clock).values
                for route, name in enumerate(self.experts)
            ]
        )  # (experts, b, t, d)
        return Sequence(values.sum(0), clock.mask, clock.rate)
