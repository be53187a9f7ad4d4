"""VQ-Sign's codebook: nearest codes, straight gradients, its start and its restarts."""

import math
import multiprocessing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster.vq import vq
from torch import Tensor, distributed

from slp_core.context import Context
from slp_core.errors import UserError
from slp_core.sequence import Sequence
from slp_core.tensortype import Symbol, TensorType, TypeMismatch
from slp_core.testing import assert_padding_changes_nothing
from slp_encoders.tokenizers.vq_sign.spec import SPEC, VQSignConfig

WIDTH = 4


def built(**config: Any) -> Any:
    torch.manual_seed(0)
    context = Context(inputs=TensorType("b t d", {"d": WIDTH}))
    return SPEC.load()(VQSignConfig(**{"codes": 6, **config}), context).eval()


def clips(*lengths: int) -> list[Tensor]:
    torch.manual_seed(1)
    return [torch.randn(length, WIDTH) for length in lengths]


@torch.no_grad()
def test_the_nearest_code_is_scipys() -> None:
    part, samples = built(), clips(7, 1, 4)
    output = part(Sequence.pad(samples, [25.0] * 3))
    for number, clip in enumerate(samples):
        nearest, _ = vq(clip.numpy(), part.codebook.weight.numpy())
        assert output.codes[number, : len(clip)].tolist() == nearest.tolist()
        quantised = part.codebook.weight[torch.from_numpy(nearest).long()]
        assert torch.allclose(output.values[number, : len(clip)], quantised, atol=1e-6)
        assert not output.codes[number, len(clip) :].any()
        assert not output.values[number, len(clip) :].any()
    assert output.codes.unique().numel() > 2 and output.codes.dtype == torch.int64


def test_the_gradient_goes_straight_through() -> None:
    part, inputs = built(), Sequence.pad(clips(5, 2), [25.0] * 2)
    inputs.values.requires_grad_()
    weights = torch.randn(2, 5, WIDTH)
    (part(inputs).values * weights).sum().backward()
    assert torch.equal(inputs.values.grad, weights.masked_fill(~inputs.mask[..., None], 0))
    assert part.codebook.weight.grad is None


@settings(max_examples=20)
@given(lengths=st.lists(st.integers(1, 7), min_size=1, max_size=4), extra=st.integers(0, 4))
def test_padding_changes_nothing(lengths: list[int], extra: int) -> None:
    assert_padding_changes_nothing(built(), clips(*lengths), extra=extra)


@pytest.mark.parametrize("training", [False, True])
def test_nan_in_the_padding_is_not_seen(training: bool) -> None:
    inputs = Sequence.pad(clips(9, 2), [25.0] * 2)
    spoilt = inputs.with_values(inputs.values.masked_fill(~inputs.mask[..., None], math.nan))
    found = [
        built(kmeans_init=True, restart=0.99).train(training)(given_) for given_ in (inputs, spoilt)
    ]
    assert torch.equal(found[0].values, found[1].values)
    assert torch.equal(found[0].codes, found[1].codes)


def test_half_precision_steps() -> None:
    inputs = Sequence.pad(clips(5, 2), [25.0] * 2)
    half = inputs.with_values(inputs.values.bfloat16())
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(built()(half).codes[0], built()(inputs).codes[0])


def test_it_starts_with_half_precision_steps() -> None:
    inputs = Sequence.pad(clips(9), [25.0])
    with torch.autocast("cpu", torch.bfloat16):
        part = built(kmeans_init=True).train()
        part(inputs.with_values(inputs.values.bfloat16()))
    exact = built(kmeans_init=True).train()
    exact(inputs)
    assert part.started and part.codebook.weight.dtype == torch.float32
    assert torch.allclose(part.codebook.weight, exact.codebook.weight, atol=0.02)


def test_it_starts_with_the_centres_of_the_first_batch_large_enough() -> None:
    torch.manual_seed(3)
    centres = 10 * torch.randn(6, WIDTH)
    clip = (centres[:, None] + 0.01 * torch.randn(6, 5, WIDTH)).flatten(0, 1)
    part = built(kmeans_init=True).train()
    before = part.codebook.weight.clone()
    part(Sequence.pad([clip[:5]], [25.0]))  # fewer steps than codes
    part.eval()(Sequence.pad([clip], [25.0]))  # not in training
    assert torch.equal(part.codebook.weight, before) and not part.started
    part.train()(Sequence.pad([clip], [25.0]))
    assert part.started
    # Lloyd's fixed point: every code is the mean of its steps.
    nearest = torch.cdist(clip, part.codebook.weight).argmin(1)
    for code in nearest.unique():
        assert torch.allclose(part.codebook.weight[code], clip[nearest == code].mean(0), atol=1e-4)
    settled = part.codebook.weight.clone()
    part(Sequence.pad([clip + 5], [25.0]))
    assert torch.equal(part.codebook.weight, settled)  # once only
    again = built(kmeans_init=True).train()
    again.load_state_dict(part.state_dict())
    again(Sequence.pad([clip + 5], [25.0]))
    assert torch.equal(again.codebook.weight, settled)


def test_unused_codes_begin_anew_at_steps_of_the_batch() -> None:
    part, inputs = built(restart=0.5).train(), Sequence.pad(clips(8), [25.0])
    with torch.no_grad():
        part.codebook.weight[1:] += 100  # nothing is near them
    before = part.codebook.weight.clone()
    for _ in range(68):  # 0.99^68 = 0.505, 0.99^69 = 0.4998
        assert part(inputs).codes.unique().tolist() == [0]
    assert torch.equal(part.codebook.weight, before)
    part(inputs)
    assert torch.equal(part.codebook.weight[0], before[0])
    gaps = torch.cdist(part.codebook.weight[1:], inputs.values[0]).min(1).values
    assert gaps.max() < 1e-5 and part.usage[1:].tolist() == pytest.approx([1 / 6] * 5)
    still = built().train()
    with torch.no_grad():
        still.codebook.weight[1:] += 100
    for _ in range(100):
        still(inputs)
    assert torch.equal(still.codebook.weight, before)  # off unless asked for


def test_perplexity_follows_the_use_of_codes() -> None:
    part = built().train()
    assert part.gauges() == {"perplexity": pytest.approx(6)}
    two = Sequence.pad([part.codebook.weight.detach()[[0, 0, 3, 3]]], [25.0])
    for _ in range(1000):
        part(two)
    assert part.gauges() == {"perplexity": pytest.approx(2, abs=0.02)}
    part.eval()(Sequence.pad(clips(50), [25.0]))
    assert part.gauges() == {"perplexity": pytest.approx(2, abs=0.02)}


#: steps of each process, batch by batch: the first has one for every code later than the other
SHARES = (3, 9), (8, 7)


def batch(rank: int, turn: int) -> Sequence:
    return Sequence.pad([clips(40)[0].split([*SHARES[0], *SHARES[1], 13])[2 * rank + turn]], [25.0])


def in_a_process(folder: Path, rank: int, restart: float) -> None:
    torch.set_num_threads(1)  # the threads of a process do not survive a fork
    distributed.init_process_group(
        "gloo",
        init_method=f"file://{folder / 'meeting'}",
        rank=rank,
        world_size=2,
        timeout=timedelta(seconds=20),
    )
    part = built(kmeans_init=True, restart=restart).train()
    torch.manual_seed(rank)
    for turn in range(2):
        part(batch(rank, turn))
        distributed.barrier()  # as the gradients are summed
    torch.save(part.state_dict(), folder / f"{rank}.pt")
    distributed.barrier()
    distributed.destroy_process_group()


@pytest.mark.parametrize("restart", [0.0, 0.999])
def test_processes_have_one_codebook(tmp_path: Path, restart: float) -> None:
    """It starts with the centres of the first process, though another has steps enough before, and
    a code is idle where none uses it."""
    context = multiprocessing.get_context("fork")
    processes = [
        context.Process(target=in_a_process, args=(tmp_path, rank, restart), daemon=True)
        for rank in (0, 1)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0]
    found, other = (torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in (0, 1))
    assert all(torch.equal(found[name], other[name]) for name in found)
    assert found["started"]
    if restart:
        return
    alone = built().train()
    for turn in range(2):
        alone(Sequence.pad([batch(rank, turn).values[0] for rank in (0, 1)], [25.0] * 2))
        alone.load_state_dict({**found, "usage": alone.usage.clone()})
    assert torch.allclose(found["usage"], alone.usage)
    codes = found["codebook.weight"]
    steps = batch(0, 1).values[0]
    nearest = torch.cdist(steps, codes).argmin(1)
    for code in nearest.unique():
        assert torch.allclose(codes[code], steps[nearest == code].mean(0), atol=1e-4)


def test_types() -> None:
    assert SPEC.signature is not None
    output = SPEC.signature(VQSignConfig(), TensorType("b t d", {"d": WIDTH}, modality="pose"))
    said = "b t d=4 vocabulary=256 (rate of the clip)"
    assert str(output) == said and output.modality is None
    with pytest.raises(TypeMismatch, match="float32 is needed"):
        SPEC.signature(VQSignConfig(), TensorType("b t d", dtype="int64"))
    with pytest.raises(UserError, match="fixed by nothing"):
        SPEC.load()(VQSignConfig(), Context(inputs=TensorType("b t d", {"d": Symbol("d")})))
    with pytest.raises(UserError, match="inputs"):
        SPEC.load()(VQSignConfig())
