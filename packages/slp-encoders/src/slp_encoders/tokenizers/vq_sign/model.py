"""SignLLM's VQ-Sign: the codebook, and the network that its training predicts with."""

from __future__ import annotations

import torch
from attrs import evolve
from scipy.cluster.vq import kmeans2
from torch import Tensor, distributed, nn

from slp_core.context import Context
from slp_core.errors import UserError
from slp_core.parts import Tokenizer
from slp_core.sequence import Sequence, scattered
from slp_encoders.tokenizers.vq_sign.spec import VQSignConfig

DECAY = 0.99  #: of the running use of each code, a training batch


class VQSign(Tokenizer):
    """``b t d`` to the nearest codes ``b t`` and their vectors ``b t d`` (arXiv:2404.00925, 3.2).

    The gradient passes straight through to what came in (van den Oord et al., arXiv:1711.00937);
    the codebook learns from the objective ``context-prediction``. What that objective predicts
    with lives here, so that it is kept from stage to stage: ``past`` (g, over quantised steps)
    and ``ahead`` (h_k, one for each k). Padding gets code 0 and zeros.
    """

    config: VQSignConfig
    usage: Tensor
    started: Tensor

    def __init__(self, config: VQSignConfig, context: Context = Context()) -> None:  # noqa: B008
        super().__init__(config, context)
        if context.inputs is None:
            raise UserError("vq-sign is built with Context(inputs=TensorType(...)), what it reads")
        dim = context.inputs.known("d")
        self.codebook = nn.Embedding(config.codes, dim)
        self.past = nn.GRU(dim, dim, batch_first=True)
        self.ahead = nn.ModuleList(nn.Linear(dim, dim) for _ in range(config.ahead))
        self.register_buffer("usage", torch.full((config.codes,), 1 / config.codes))
        self.register_buffer("started", torch.tensor(not config.kmeans_init))

    def forward(self, inputs: Sequence) -> Sequence:
        steps = inputs.steps  # (n, d)
        if self.training:
            self._start(steps.detach())
        nearest = torch.cdist(steps, self.codebook.weight).argmin(1)  # (n)
        if self.training:
            self._count(nearest, steps.detach())
        straight = steps + (self.codebook(nearest) - steps).detach()  # (n, d)
        return evolve(inputs.with_steps(straight), codes=scattered(nearest, inputs.mask))

    def gauges(self) -> dict[str, float]:
        """Perplexity of the codes' running use: 1 if one is used, ``codes`` if all are alike."""
        return {"perplexity": torch.special.entr(self.usage).sum().exp().item()}

    @torch.no_grad()
    def _start(self, steps: Tensor) -> None:
        """Take the k-means centres of the first batch that has a step for every code; of several
        processes, the first one's batch."""
        if self.started:
            return
        if len(steps) >= self.config.codes and (not _shared() or distributed.get_rank() == 0):
            seed = int(torch.randint(2**31, ()))
            points = steps.float().cpu().numpy()
            centres, _ = kmeans2(points, self.config.codes, minit="points", seed=seed)
            self.codebook.weight.copy_(torch.from_numpy(centres))
            self.started.fill_(True)
        _as_the_first_has(self.codebook.weight, self.started)

    @torch.no_grad()
    def _count(self, nearest: Tensor, steps: Tensor) -> None:
        """Follow how often each code is used, by all processes; restart those that hardly are."""
        even = 1 / self.config.codes
        counts = nearest.bincount(minlength=self.config.codes)
        if _shared():
            distributed.all_reduce(counts)
        self.usage.lerp_(counts / counts.sum(), 1 - DECAY)
        if self.config.restart:
            idle = self.usage < self.config.restart * even
            picked = steps[torch.randint(len(steps), idle.shape, device=steps.device)]
            self.codebook.weight.copy_(torch.where(idle[:, None], picked, self.codebook.weight))
            self.usage[idle] = even
            _as_the_first_has(self.codebook.weight)


def _shared() -> bool:
    """Whether several processes train together."""
    return distributed.is_available() and distributed.is_initialized()


def _as_the_first_has(*tensors: Tensor) -> None:
    """Overwrite the tensors, in every process with what the first one has."""
    if _shared():
        for one in tensors:
            distributed.broadcast(one, 0)
