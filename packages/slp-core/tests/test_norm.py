"""Masked batch normalisation against PyTorch's, over the valid steps put end to end."""

import torch

from slp_core.norm import MaskedBatchNorm
from slp_core.sequence import Sequence
from slp_core.testing import assert_padding_changes_nothing


def clips(*lengths: int) -> list[torch.Tensor]:
    torch.manual_seed(0)
    return [torch.randn(length, 3) * 2 + 5 for length in lengths]


def test_as_torch_over_the_valid_steps() -> None:
    ours, theirs = MaskedBatchNorm(3), torch.nn.BatchNorm1d(3)
    for lengths in ((4, 2), (1, 7, 3)):
        samples = clips(*lengths)
        inputs = Sequence.pad(samples, [25.0] * len(lengths))
        inputs.values[~inputs.mask] = torch.nan
        output = ours(inputs)
        assert torch.allclose(output.steps, theirs(torch.cat(samples)), atol=1e-6)
        assert not output.values[~output.mask].any()
    for name, value in theirs.state_dict().items():
        assert torch.allclose(ours.state_dict()[name], value)


def test_padding_changes_nothing() -> None:
    norm = MaskedBatchNorm(3)
    norm(Sequence.pad(clips(5, 4), [25.0] * 2))
    assert_padding_changes_nothing(norm, clips(3, 1, 4))


def test_one_step_alone() -> None:
    norm = MaskedBatchNorm(3)
    norm(Sequence.pad(clips(9), [25.0]))
    before, inputs = norm.running_mean.clone(), Sequence.pad(clips(1), [25.0])
    alone = norm(inputs).values
    assert torch.equal(alone, norm.eval()(inputs).values)
    assert torch.equal(norm.running_mean, before)
