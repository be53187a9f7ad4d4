"""Concatenation of streams along time or channels, mask and all."""

from __future__ import annotations

import torch

from slp_core.errors import UserError
from slp_core.parts import Fusion
from slp_core.sequence import Sequence
from slp_fusion.fusions.resampling import resample


class ConcatFusion(Fusion):
    """Several ``b t d`` to one, in the order of the recipe.

    ``time``: ``b t1+t2 d``, the valid steps of a sample's streams one after another with no
    padding between them; the steps have no clock any more (rate NaN). ``channel``:
    ``b t d1+d2``; the streams of a sample need the same number of steps, unless they are to be
    brought to those of the first (``resample``).
    """

    def sizes(self) -> dict[str, int]:
        if self.config.axis == "time":
            return {}
        return {"d": sum(stream.known("d") for stream in self.context.streams.values())}

    def forward(self, streams: dict[str, Sequence]) -> Sequence:
        """Join the streams.

        Raises:
            UserError: ``axis = "channel"``, and a sample's streams differ in length.
        """
        if self.config.axis == "time":
            return _in_time(streams)
        if self.config.resample:
            first = next(iter(streams.values()))
            streams = {name: resample(stream, first) for name, stream in streams.items()}
        return _in_channels(streams)


def _in_time(streams: dict[str, Sequence]) -> Sequence:
    values = torch.cat([stream.values for stream in streams.values()], dim=1)  # (b, t1+t2, d)
    mask = torch.cat([stream.mask for stream in streams.values()], dim=1)
    steps = int(mask.sum(1).max())
    valid_first = (~mask).int().argsort(dim=1, stable=True)[:, :steps]  # (b, t')
    values = values.gather(1, valid_first[..., None].expand(-1, -1, values.shape[2]))
    rate = next(iter(streams.values())).rate
    return Sequence(values, mask.gather(1, valid_first), torch.full_like(rate, torch.nan))


def _in_channels(streams: dict[str, Sequence]) -> Sequence:
    (first, ours), *others = streams.items()
    for name, theirs in others:
        differ = (ours.lengths != theirs.lengths).nonzero()
        if len(differ):
            sample = int(differ[0])
            raise UserError(
                f'the streams "{first}" and "{name}" cannot stand side by side: sample '
                f"{sample} of the batch has {int(ours.lengths[sample])} and "
                f"{int(theirs.lengths[sample])} steps"
            )
    steps = min(stream.values.shape[1] for stream in streams.values())  # padding may differ
    values = torch.cat([stream.values[:, :steps] for stream in streams.values()], dim=2)
    return Sequence(values, ours.mask[:, :steps], ours.rate)
