"""The loss of the reference text, summed over the tokens that count."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from slp_core.batch import Batch
from slp_llm.objectives.cross_entropy.model import CrossEntropy
from slp_llm.objectives.cross_entropy.spec import CrossEntropyConfig

ROWS = (
    {"text": "der wind weht", "decoder_prompt": "am tag"},
    {"text": "morgen .", "decoder_prompt": ""},
    {"text": "und nun die wettervorhersage", "decoder_prompt": "im"},
)


@pytest.fixture(scope="module")
def decoder(scratch):
    return scratch()


@pytest.fixture
def batch(decoder, tokens_of, row):
    tokens = {f"decoder.{name}": one for name, one in tokens_of(decoder, *ROWS).items()}
    return Batch(tuple(row(**fields) for fields in ROWS), {}, tokens)


def loss_of(decoder, batch, steps, **options):
    objective = CrossEntropy(CrossEntropyConfig(**options))
    pipeline, trace = SimpleNamespace(decoder=decoder), SimpleNamespace(last=steps)
    return objective(pipeline, trace, batch), objective.count(batch)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.9])
@pytest.mark.parametrize("prompt_loss", [False, True])
def test_it_is_the_formula(decoder, batch, sequence, smoothing, prompt_loss):
    steps = sequence(4, 6, 3)
    loss, count = loss_of(decoder, batch, steps, label_smoothing=smoothing, prompt_loss=prompt_loss)
    tokens = batch.tokens_of("decoder")
    logs = decoder(steps, tokens).log_softmax(-1)
    expected, number = 0.0, 0
    for sample in range(len(ROWS)):
        labels = tokens["labels"].ids[sample][tokens["labels"].mask[sample]].tolist()
        given = 0 if prompt_loss else int(tokens["decoder_prompt"].mask[sample].sum())
        for place, label in enumerate(labels):
            if place >= given:
                row = logs[sample, place]
                expected += -(1 - smoothing) * row[label] - smoothing * row.mean()
                number += 1
    assert count == number == (15 if prompt_loss else 12)
    torch.testing.assert_close(loss, expected, rtol=1e-4, atol=1e-4)


def test_the_sum_over_a_batch_is_the_sum_over_its_samples(decoder, tokens_of, row, sequence):
    def batch_of(*rows):
        tokens = {f"decoder.{name}": one for name, one in tokens_of(decoder, *rows).items()}
        return Batch(tuple(row(**fields) for fields in rows), {}, tokens)

    lengths = (4, 6, 3)
    whole, count = loss_of(decoder, batch_of(*ROWS), sequence(*lengths, extra=2))
    single = [
        loss_of(decoder, batch_of(r), sequence(n)) for r, n in zip(ROWS, lengths, strict=True)
    ]
    torch.testing.assert_close(whole, sum(loss for loss, _ in single), rtol=1e-4, atol=1e-4)
    assert count == sum(number for _, number in single)


def test_two_draws_of_dropout_are_drawn_together(scratch, batch, sequence):
    """R-Drop: equation 4 of arXiv:2106.14448, halved, over the tokens that count."""
    decoder, steps = scratch(size={"dropout": 0.3}).train(), sequence(4, 6, 3)
    tokens = batch.tokens_of("decoder")
    torch.manual_seed(5)
    loss, _ = loss_of(decoder, batch, steps, label_smoothing=0.1, r_drop=3.0)
    torch.manual_seed(5)
    first, second = (decoder(steps, tokens).log_softmax(-1) for _ in range(2))
    expected = 0.0
    for sample in range(len(ROWS)):
        given = int(tokens["decoder_prompt"].mask[sample].sum())
        for place in range(given, int(tokens["labels"].mask[sample].sum())):
            label = tokens["labels"].ids[sample, place]
            for p, q in ((first, second), (second, first)):
                p, q = p[sample, place], q[sample, place]
                expected += (-0.9 * p[label] - 0.1 * p.mean()) / 2
                expected += 3.0 / 4 * (p.exp() * (p - q)).sum()
    torch.testing.assert_close(loss, expected, rtol=1e-4, atol=1e-4)


def test_outside_training_one_draw_is_scored(decoder, batch, sequence):
    objective = CrossEntropy(CrossEntropyConfig(r_drop=3.0)).eval()
    calls = []
    counting = SimpleNamespace(decoder=lambda *inputs: calls.append(1) or decoder(*inputs))
    plain, _ = loss_of(decoder, batch, sequence(4, 6, 3))
    loss = objective(counting, SimpleNamespace(last=sequence(4, 6, 3)), batch)
    torch.testing.assert_close(loss, plain)
    assert len(calls) == 1


def test_it_trains(scratch, batch, sequence):
    decoder = scratch(size={"dropout": 0.0}).train()
    steps, losses = sequence(4, 6, 3), []
    optimiser = torch.optim.Adam(decoder.parameters(), lr=1e-2)
    for _ in range(40):
        loss, count = loss_of(decoder, batch, steps)
        optimiser.zero_grad()
        (loss / count).backward()
        optimiser.step()
        losses.append(float(loss.detach()) / count)
    assert losses[-1] < 0.3 * losses[0]
    texts = decoder.eval().generate(steps, batch.tokens_of("decoder"), max_new_tokens=8)
    assert [one.text for one in texts] == [fields["text"] for fields in ROWS]
