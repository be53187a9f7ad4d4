"""InfoNCE both ways against closed forms, numpy, and the same in two processes."""

import math
import multiprocessing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, distributed

from slp_core.context import Context
from slp_core.errors import UserError
from slp_fusion.objectives.contrastive.spec import SPEC, ContrastiveConfig

from .losses import WIDTH, assert_blind_to_padding, drawn, measured, padded


def objective(on: str = "decoder", **keys: Any) -> Any:
    one = SPEC.load()(ContrastiveConfig(**keys), Context())
    one.on = on
    return one


def by_hand(
    signs: list[Tensor], texts: list[Tensor], temperature: float, labels: list[int] | None = None
) -> float:
    """By softmax tables in numpy; pairs of one label are left out."""
    clips, sentences = (
        np.stack([one.double().numpy().mean(0) for one in side]) for side in (signs, texts)
    )
    clips /= np.linalg.norm(clips, axis=1)[:, None]
    sentences /= np.linalg.norm(sentences, axis=1)[:, None]
    table = np.exp(clips @ sentences.T / temperature)
    for i in range(len(table)):
        for j in range(len(table)):
            if labels is not None and i != j and labels[i] == labels[j]:
                table[i, j] = 0
    own = np.diag(table)
    return float(-np.log(own / table.sum(1)).sum() - np.log(own / table.sum(0)).sum()) / 2


@settings(max_examples=40)
@given(
    lengths=st.lists(st.tuples(st.integers(1, 6), st.integers(1, 6)), min_size=1, max_size=5),
    temperature=st.sampled_from([0.07, 0.5, 1.0]),
    seed=st.integers(0, 99),
    ignore=st.booleans(),
    data=st.data(),
)
def test_by_hand(lengths: Any, temperature: float, seed: int, ignore: bool, data: Any) -> None:
    signs, texts = (
        drawn([*column], seed + k) for k, column in enumerate(zip(*lengths, strict=True))
    )
    labels = data.draw(st.lists(st.integers(1, 3), min_size=len(signs), max_size=len(signs)))
    one = objective(temperature=temperature, ignore_duplicates=ignore)
    loss = measured(one, padded(signs), padded(texts), [[label] for label in labels])
    expected = by_hand(signs, texts, temperature, labels if ignore else None)
    assert loss.item() == pytest.approx(expected, rel=1e-4, abs=1e-4)


def test_closed_forms() -> None:
    """Of axes: each clip along its own text, along the other's, or along both."""
    one, axes = objective(temperature=0.5), torch.eye(2)
    texts = padded([axes[:1], axes[1:]])
    right, wrong = padded([axes[:1], axes[1:]]), padded([axes[1:], axes[:1]])
    assert measured(one, right, texts).item() == pytest.approx(2 * math.log(1 + math.exp(-2)))
    assert measured(one, wrong, texts).item() == pytest.approx(2 * math.log(1 + math.exp(2)))
    both = padded([axes, axes])
    assert measured(one, both, texts).item() == pytest.approx(2 * math.log(2))
    alone = padded([axes])
    assert measured(one, alone, alone).item() == 0


def test_only_directions_count() -> None:
    signs, texts, one = drawn([3, 2, 4]), drawn([2, 5, 1], 1), objective()
    loss = measured(one, padded(signs), padded(texts))
    scaled = measured(one, padded([s * 7 for s in signs]), padded([t / 50 for t in texts]))
    assert loss.item() == pytest.approx(scaled.item(), rel=1e-5)


def test_the_same_sentence_is_no_negative() -> None:
    """Two clips of one sentence, as near to it as can be: nothing is left to learn."""
    axes = torch.eye(2)
    signs, labels = padded([axes[:1], axes[:1], axes[1:]]), [[4, 9], [4, 9], [4]]
    ours = measured(objective(temperature=0.01), signs, signs, labels)
    theirs = measured(objective(temperature=0.01, ignore_duplicates=False), signs, signs, labels)
    assert ours.item() == pytest.approx(0, abs=1e-6)
    assert theirs.item() == pytest.approx(2 * math.log(2))
    other = measured(objective(temperature=0.01), signs, signs, [[4, 9], [4, 0, 9], [4]])
    assert other.item() == pytest.approx(2 * math.log(2))


def test_padding_changes_nothing() -> None:
    assert_blind_to_padding(objective())


def test_unmasked_means_are_over_the_padding() -> None:
    signs, texts = drawn([3, 1]), drawn([2, 4], 1)
    longer = [
        [torch.cat([one, torch.full((steps - len(one), WIDTH), 7.0)]) for one in side]
        for side, steps in ((signs, 5), (texts, 6))
    ]
    loss = measured(objective(unmasked_mean=True), padded(signs, 2, 7.0), padded(texts, 2, 7.0))
    assert loss.item() == pytest.approx(by_hand(longer[0], longer[1], 0.07), rel=1e-4)
    masked = measured(objective(), padded(signs, 2, 7.0), padded(texts, 2, 7.0))
    assert loss.item() != pytest.approx(masked.item(), rel=1e-2)


def test_temperature() -> None:
    one = objective()
    assert one.logit_scale.item() == pytest.approx(2.6592, abs=1e-4)
    loss = measured(one, padded(drawn([3, 2])), padded(drawn([3, 2], 1)))
    loss.backward()
    assert one.logit_scale.grad != 0
    one.logit_scale.data.fill_(math.log(4))
    assert one.gauges()["temperature"] == pytest.approx(0.25)
    fixed = objective(learn_temperature=False)
    assert not any(weight.requires_grad for weight in fixed.parameters())
    assert fixed.state_dict().keys() == one.state_dict().keys()
    with pytest.raises(ValueError, match="temperature"):
        objective(temperature=0.0)


def test_retrieval_is_of_the_last_batch_in_training() -> None:
    one, axes = objective().eval(), torch.eye(4)
    texts = padded([axis[None] for axis in axes])
    signs = padded([axes[:1], axes[1:2], axes[3:], axes[2:3]])
    measured(one, signs, texts)
    assert one.gauges() == {"temperature": pytest.approx(0.07)}
    measured(one.train(), signs, texts)
    measured(one.eval(), texts, texts)
    assert one.gauges()["retrieval"] == 0.5


def test_float32_under_autocast() -> None:
    signs, texts = padded(drawn([3, 2, 5])), padded(drawn([3, 2, 4], 1))
    plain = measured(objective(), signs, texts)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(measured(objective(), signs, texts), plain)


def test_what_the_encoder_makes_of_both() -> None:
    signs, texts = drawn([3, 1], seed=1), drawn([2, 4], seed=2)

    class Encoder:
        """Gives the steps it reads doubled but for one number, and the texts."""

        def encoded(self, inputs: Any, tokens: Any) -> Any:
            return inputs.with_values(inputs.values * torch.tensor([2.0, 1, 2, 2, 2])), padded(
                texts
            )

    one = objective(through="encoder")
    found = measured(one, padded(signs), None, decoder=Encoder())
    doubled = [one * torch.tensor([2.0, 1, 2, 2, 2]) for one in signs]
    assert found.item() == pytest.approx(by_hand(doubled, texts, 0.07), rel=1e-5)
    with pytest.raises(UserError, match='leave `on` out, or write through = "embeddings"'):
        measured(objective("mapper", through="encoder"), padded(signs), None, decoder=Encoder())


def test_on_names_a_part() -> None:
    signs, texts = padded(drawn([3, 2])), padded(drawn([3, 2], 1))
    loss = measured(objective(), signs, texts)
    assert torch.equal(measured(objective("mapper"), signs, texts, where="mapper"), loss)
    assert not torch.equal(measured(objective(), signs, texts, where="mapper"), loss)
    with pytest.raises(UserError, match=r'on = "maper".*did you mean "mapper"'):
        measured(objective("maper"), signs, texts, where="mapper")
    wide = padded([torch.randn(2, 9), torch.randn(1, 9)])
    with pytest.raises(UserError, match="steps of 9 numbers, text embeddings have 5"):
        measured(objective("mapper"), wide, texts, where="mapper")


LENGTHS, SENTENCES = [3, 1, 4, 2, 2], [[1], [2, 2], [3], [1], [2]]


def gradients(tools: Any, part: slice, gather: bool) -> tuple[float, dict[str, Tensor]]:
    """Of the mean over all five samples, by what comes from those of ``part``."""
    padded, measured = tools
    one = objective(gather=gather).train()
    torch.manual_seed(2)
    mapper, embedder = torch.nn.Linear(WIDTH, WIDTH), torch.nn.Linear(WIDTH, WIDTH)
    signs, texts = padded(drawn(LENGTHS)[part]), padded(drawn(LENGTHS, 1)[part])
    signs, texts = (
        signs.with_values(mapper(signs.values)),
        texts.with_values(embedder(texts.values)),
    )
    loss = measured(one, signs, texts, SENTENCES[part]) / len(LENGTHS)
    loss.backward()
    return loss.item(), {
        "mapper": mapper.weight.grad,
        "embedder": embedder.weight.grad,
        "scale": one.logit_scale.grad,
    }


def in_a_process(tools: Any, folder: Path, rank: int, part: slice) -> None:
    torch.set_num_threads(1)  # the threads of a process do not survive a fork
    distributed.init_process_group(
        "gloo", init_method=f"file://{folder / 'meeting'}", rank=rank, world_size=2
    )
    loss, found = gradients(tools, part, gather=True)
    torch.save({"loss": torch.tensor(loss), **found}, folder / f"{rank}.pt")
    distributed.barrier()
    distributed.destroy_process_group()


@pytest.mark.parametrize("split", [2, 4])
def test_two_processes_are_as_one(tmp_path: Path, split: int) -> None:
    """Summed over processes of different numbers of samples: the loss and each gradient, with
    sentences that come in both."""
    tools = padded, measured
    loss, expected = gradients(tools, slice(None), gather=True)
    context = multiprocessing.get_context("fork")
    parts = slice(0, split), slice(split, None)
    processes = [
        context.Process(target=in_a_process, args=(tools, tmp_path, rank, part), daemon=True)
        for rank, part in enumerate(parts)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0]
    found = [torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in (0, 1)]
    assert sum(float(one["loss"]) for one in found) == pytest.approx(loss, rel=1e-5)
    for name, gradient in expected.items():
        assert torch.allclose(found[0][name] + found[1][name], gradient, atol=1e-6), name
    apart = [gradients(tools, part, gather=False)[0] for part in parts]
    assert sum(apart) < 0.95 * loss  # fewer negatives
