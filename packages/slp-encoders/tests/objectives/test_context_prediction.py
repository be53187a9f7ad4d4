"""SignLLM's loss against its formula, summed in loops."""

import math
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from slp_core.batch import Batch
from slp_core.context import Context
from slp_core.errors import UserError
from slp_core.manifest import Row
from slp_core.pipeline import Trace
from slp_core.sequence import Sequence, lengths_to_mask
from slp_core.tensortype import TensorType
from slp_encoders.objectives.context_prediction.model import _before
from slp_encoders.objectives.context_prediction.spec import SPEC, ContextPredictionConfig
from slp_encoders.tokenizers.vq_sign.model import VQSign
from slp_encoders.tokenizers.vq_sign.spec import VQSignConfig

WIDTH = 3
PATH, ENCODER = "streams.sign.tokenizer", "streams.sign.encoder"


def tokenizer(ahead: int = 3) -> VQSign:
    torch.manual_seed(0)
    context = Context(inputs=TensorType("b t d", {"d": WIDTH}))
    return VQSign(VQSignConfig(codes=5, ahead=ahead), context).eval()


def objective(**config: Any) -> Any:
    return SPEC.load()(ContextPredictionConfig(**config), Context()).eval()


def pipeline(**parts: Any) -> Any:
    found = {name.replace("_", "."): part for name, part in parts.items()}
    streams = {path.split(".")[1]: SimpleNamespace(from_=None) for path in found if "." in path}
    recipe = SimpleNamespace(streams=streams)
    return SimpleNamespace(parts=tuple(found), part=found.__getitem__, recipe=recipe)


def clips(*lengths: int) -> list[Tensor]:
    torch.manual_seed(1)
    return [torch.randn(length, WIDTH) for length in lengths]


def loss_of(one: Any, part: VQSign, encoded: Sequence) -> Tensor:
    whole = pipeline(streams_sign_encoder=None, streams_sign_tokenizer=part)
    quantised = part(encoded)
    return one(whole, Trace({ENCODER: encoded, PATH: quantised}, quantised), Batch((), {}))


def by_hand(one: Any, part: VQSign, samples: list[Tensor]) -> float:
    """The formula of the docstring, a pair, a negative and a channel at a time."""
    config = one.config
    drawn = one._draw(torch.tensor([len(clip) for clip in samples])).tolist()
    every, total, first = torch.cat(samples), 0.0, 0
    for clip in samples:
        codes = [min(part.codebook.weight, key=lambda e, z=z: (e - z).square().sum()) for z in clip]
        state, states = torch.zeros(1, 1, WIDTH), []
        for code in codes:
            _, state = part.past(code.view(1, 1, WIDTH), state)
            states.append(state.flatten())
        mine = 0.0
        for k, ahead in enumerate(part.ahead, start=1):
            for t in range(len(clip) - k):
                guess = ahead(states[t])
                wrong = [math.log(sigmoid(-float(every[n] @ guess))) for n in drawn[first + t + k]]
                mine -= math.log(sigmoid(float(clip[t + k] @ guess)))
                mine -= config.negatives_weight * sum(wrong) / config.negatives
        for z, e in zip(clip, codes, strict=True):
            squares = sum(float(a - b) ** 2 for a, b in zip(z, e, strict=True)) / WIDTH
            mine += (config.codebook + config.commitment) * squares
        total += mine / len(clip)
        first += len(clip)
    return total


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


@pytest.mark.parametrize("lengths", [(5,), (4, 7, 2), (3, 1), (1,), (2, 2)])
@pytest.mark.parametrize("source", ["clip", "batch"])
@torch.no_grad()
def test_by_hand(lengths: tuple[int, ...], source: str) -> None:
    one = objective(negatives=4, negatives_from=source, negatives_weight=0.7, codebook=0.9)
    part, samples = tokenizer(), clips(*lengths)
    loss = loss_of(one, part, Sequence.pad(samples, [25.0] * len(samples)))
    assert float(loss) == pytest.approx(by_hand(one, part, samples), rel=1e-5)


@torch.no_grad()
def test_each_term_by_itself() -> None:
    part, samples = tokenizer(), clips(4, 2)
    encoded = Sequence.pad(samples, [25.0] * 2)
    whole = float(loss_of(objective(), part, encoded))
    without = float(loss_of(objective(codebook=0.0, commitment=0.0), part, encoded))
    distance = (encoded.values - part(encoded).values).square().mean(2).sum(1) / encoded.lengths
    assert whole - without == pytest.approx(1.25 * float(distance.sum()), rel=1e-4)


def test_where_the_gradients_go() -> None:
    """The codebook term moves codes only, commitment steps only, prediction all but codes."""

    def moved(**config: Any) -> list[float]:
        part, encoded = tokenizer(), Sequence.pad(clips(5, 4), [25.0] * 2)
        encoded.values.requires_grad_()
        loss_of(objective(**config), part, encoded).backward()
        given_ = [encoded.values, part.codebook.weight, part.ahead[2].weight]
        return [0.0 if one.grad is None else float(one.grad.abs().sum()) for one in given_]

    prediction = moved(codebook=0.0, commitment=0.0)
    assert prediction[0] > 0 and prediction[1] == 0 and prediction[2] > 0
    steps, codes, _ = (a - b for a, b in zip(moved(commitment=0.0), prediction, strict=True))
    assert steps == pytest.approx(0, abs=1e-5) and codes > 0.1
    steps, codes, _ = (a - b for a, b in zip(moved(codebook=0.0), prediction, strict=True))
    assert abs(steps) > 1e-3 and codes == 0


@settings(max_examples=25)
@given(
    lengths=st.lists(st.integers(1, 8), min_size=1, max_size=4),
    extra=st.integers(0, 5),
    source=st.sampled_from(["clip", "batch"]),
)
def test_padding_changes_nothing(lengths: list[int], extra: int, source: str) -> None:
    """Neither the loss nor a gradient, whatever the padding holds."""
    samples, found = clips(*lengths), []
    steps = max(lengths)
    for padding, more in ((0.0, 0), (math.nan, 0), (math.nan, extra), (7.0, extra)):
        values = torch.full((len(samples), steps + more, WIDTH), padding)
        for number, clip in enumerate(samples):
            values[number, : len(clip)] = clip
        mask = lengths_to_mask(torch.tensor(lengths), steps + more)
        part, values = tokenizer(), values.requires_grad_()
        loss = loss_of(objective(negatives_from=source), part,
                       Sequence(values, mask, torch.full((len(samples),), 25.0)))  # fmt: skip
        loss.backward()
        weights = [w.grad.flatten() for w in part.parameters() if w.grad is not None]
        found.append(torch.cat([loss.detach()[None], values.grad[mask].flatten(), *weights]))
        assert not values.grad[~mask].any()
    for one in found[1:]:
        assert torch.allclose(one, found[0], atol=1e-5)


@given(lengths=st.lists(st.integers(1, 6), min_size=1, max_size=5))
def test_who_is_drawn(lengths: list[int]) -> None:
    """Anybody but the step itself, and with ``clip`` of its own clip; all of them in turn."""
    owner = [number for number, length in enumerate(lengths) for _ in range(length)]
    for source in ("clip", "batch"):
        drawn = objective(negatives=1500, negatives_from=source)._draw(torch.tensor(lengths))
        for own, numbers in enumerate(drawn.tolist()):
            others = {n for n in range(len(owner)) if n != own}
            if source == "clip":
                others = {n for n in others if owner[n] == owner[own]}
            assert not others or set(numbers) == others


def test_drawn_anew_in_training_and_alike_in_evaluation() -> None:
    one, lengths = objective(), torch.tensor([9, 9])
    assert torch.equal(one._draw(lengths), one._draw(lengths))
    one.train()
    assert not torch.equal(one._draw(lengths), one._draw(lengths))


def test_clips_are_counted() -> None:
    rows = tuple(Row({}, None, number) for number in range(3))  # type: ignore[arg-type]
    assert objective().count(Batch(rows, {})) == 3


def test_which_tokenizer() -> None:
    one, part = objective(), tokenizer()
    sole = pipeline(streams_a_encoder=None, streams_a_tokenizer=part, decoder=None)
    assert one._path(sole) == "streams.a.tokenizer"  # `on` may be left out
    one.on = "streams.b.tokenizer"
    two = pipeline(streams_a_encoder=None, streams_a_tokenizer=part,
                   streams_b_encoder=None, streams_b_tokenizer=tokenizer())  # fmt: skip
    assert one._path(two) == "streams.b.tokenizer"
    one.on = "decoder"
    with pytest.raises(UserError, match=r"streams\.a\.tokenizer, streams\.b\.tokenizer"):
        one._path(two)
    with pytest.raises(UserError, match="none"):
        one._path(pipeline(decoder=None))


def test_what_the_tokenizer_reads() -> None:
    alone = pipeline(streams_b_tokenizer=tokenizer())
    with pytest.raises(UserError, match="stands behind no encoder"):
        _before(alone, "streams.b.tokenizer")
    branch = pipeline(streams_a_encoder=None, streams_b_tokenizer=tokenizer())
    branch.recipe.streams["b"].from_ = "a"
    assert _before(branch, "streams.b.tokenizer") == "streams.a.encoder"
    branch.parts += ("streams.a.mapper",)
    assert _before(branch, "streams.b.tokenizer") == "streams.a.mapper"
    branch.parts += ("streams.b.encoder",)
    assert _before(branch, "streams.b.tokenizer") == "streams.b.encoder"
