"""The mapper: what it makes of codes, and what it keeps of a fit."""

import json
import math
import re
from typing import Any

import pytest
import torch
from attrs import asdict, evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from slp_core.check import configured
from slp_core.context import Context
from slp_core.errors import RecipeError, UserError
from slp_core.recipe import Use
from slp_core.sequence import Sequence
from slp_core.tensortype import TensorType, TypeMismatch
from slp_core.testing import assert_padding_changes_nothing
from slp_fusion.mappers.cra.facts import Facts
from slp_fusion.mappers.cra.model import averaged
from slp_fusion.mappers.cra.spec import SPEC, CRAConfig

WIDTH, CODES = 3, 5
INPUTS = TensorType("b t d", {"d": WIDTH, "vocabulary": CODES}, modality="pose")
both = pytest.mark.parametrize("embed", ["mean", "gru"])


def built(**config: Any) -> Any:
    torch.manual_seed(0)
    settings = {"candidates": 20, "longest": 4, "min_count": 2, "step": 2}
    part = SPEC.load()(CRAConfig(**{**settings, **config}), Context(inputs=INPUTS))
    torch.nn.init.normal_(part.slow_vector)
    return part.eval()


def taught(words: list[list[int]], alpha: float, **config: Any) -> Any:
    """A part that knows these words, by the way that weights come in."""
    part = built(**config)
    state = part.state_dict()
    for row, word in enumerate(words):
        state["words"][row, : len(word)] = torch.tensor(word)
    state["alpha"].fill_(alpha)
    part.load_state_dict(state)
    return part


def coded(*clips: list[int]) -> Sequence:
    torch.manual_seed(1)
    codes = Sequence.pad([torch.tensor(clip) for clip in clips], [25.0] * len(clips))
    values = torch.randn(*codes.values.shape, WIDTH)
    return Sequence(values, codes.mask, codes.rate, codes.values)


def signing(clips: int = 60) -> Sequence:
    """Clips of signs, each a few codes held for a step or more."""
    torch.manual_seed(2)
    signs = ([0, 1, 2], [3, 4], [2, 1], [4, 0, 3])
    return coded(*(
        [
            code
            for sign in torch.randint(len(signs), (5,)).tolist()
            for code in signs[sign]
            for _ in range(int(torch.randint(1, 4, ())))
        ]
        for _ in range(clips)
    ))  # fmt: skip


SLOW = CODES
WORDS = [[0, 1], [0, 1, 2], [3, SLOW]]
# runs: 0 | 1 1 | 2 2 2 _ | 3 3 3 _ | 0        words: 0 1 2 | _ | 3 _ | 0
CLIP, SPANS = [0, 1, 1, 2, 2, 2, 3, 3, 3, 0], [(0, 1), (1, 3), (3, 6), None, (6, 9), None, (9, 10)]
PARTED = [(0, 3), (3, 4), (4, 6), (6, 7)]


def spelt(part: Any, values: Tensor) -> list[Tensor]:
    """The characters' vectors of each word of the clip, by hand."""
    characters = [part.slow_vector if one is None else values[slice(*one)].mean(0) for one in SPANS]
    return [torch.stack(characters[start:end]) for start, end in PARTED]


@both
def test_words_are_made_of_characters_and_these_of_steps(embed: str) -> None:
    part, inputs = taught(WORDS, alpha=2.0, embed=embed), coded([4], CLIP, [3, 1])
    output = part(inputs)
    assert output.lengths.tolist() == [1, 4, 2]
    assert output.rate.isnan().all() and output.codes is None
    expected = [
        word.mean(0) if embed == "mean" else part.gru(word)[1][0]
        for word in spelt(part, inputs.values[1])
    ]
    assert torch.allclose(output.values[1], torch.stack(expected), atol=1e-6)
    assert not output.values[~output.mask].any()


def test_a_gru_tells_orders_apart_and_a_mean_does_not() -> None:
    values = {}
    for embed in ("mean", "gru"):
        part, inputs = taught([[0, 1], [1, 0]], 2.0, embed=embed), coded([0, 1], [1, 0])
        inputs.values[1] = inputs.values[0].flip(0)
        values[embed] = part(inputs).values[:, 0]
    assert torch.allclose(*values["mean"]) and not torch.allclose(*values["gru"], atol=1e-3)


@settings(max_examples=20)
@given(lengths=st.lists(st.integers(1, 4), max_size=5))
def test_groups_are_averaged(lengths: list[int]) -> None:
    torch.manual_seed(0)
    values = torch.randn(sum(lengths), WIDTH, dtype=torch.float64, requires_grad=True)
    means = averaged(values, torch.tensor(lengths, dtype=torch.long))
    expected = [group.mean(0) for group in values.split(lengths)] if lengths else []
    assert means.shape == (len(lengths), WIDTH)
    assert all(map(torch.allclose, means, expected))
    assert torch.autograd.gradcheck(averaged, (values, torch.tensor(lengths, dtype=torch.long)))


def test_half_precision_is_averaged_in_full() -> None:
    part, inputs = built(), coded([0] * 9)
    half = evolve(inputs, values=inputs.values.bfloat16())
    assert torch.allclose(part(half).values[0, 0], half.values[0].float().mean(0), atol=1e-6)


def test_clips_without_steps_have_no_words() -> None:
    part, inputs = taught(WORDS, alpha=2.0), coded(CLIP, [3, 1])
    nothing = evolve(inputs, mask=torch.zeros_like(inputs.mask))
    assert part(nothing).values.shape == (2, 0, WIDTH)


@both
def test_the_gradient_reaches_every_step_and_the_slow_vector(embed: str) -> None:
    part, inputs = taught(WORDS, alpha=2.0, embed=embed), coded(CLIP, [3, 1])
    inputs.values.requires_grad_()
    part(inputs).values.square().sum().backward()
    assert part.slow_vector.grad.abs().min() > 0
    gradient = inputs.values.grad
    assert (gradient[inputs.mask].abs().sum(-1) > 0).all() and not gradient[~inputs.mask].any()
    assert torch.allclose(gradient[0, 3], gradient[0, 5])  # a run shares it


def test_an_unfitted_part_gives_every_run() -> None:
    part, inputs = built(), coded(CLIP, [3, 1])
    output = part(inputs)
    assert output.lengths.tolist() == [5, 2]
    assert torch.allclose(output.values[0, 2], inputs.values[0, 3:6].mean(0))


@both
@settings(max_examples=20)
@given(
    clips=st.lists(
        st.lists(st.integers(0, CODES - 1), min_size=1, max_size=9), min_size=1, max_size=4
    ),
    extra=st.integers(0, 4),
)
def test_padding_changes_nothing(embed: str, clips: list[list[int]], extra: int) -> None:
    part = taught(WORDS, alpha=1.5, embed=embed)

    def with_codes(inputs: Sequence) -> Sequence:
        values = inputs.values.masked_fill(~inputs.mask[..., None], torch.nan)
        return part(Sequence(values, inputs.mask, inputs.rate, inputs.values[..., 0].long()))

    samples = [torch.tensor(clip)[:, None].float().expand(-1, WIDTH) for clip in clips]
    assert_padding_changes_nothing(with_codes, samples, extra=extra)


def batches(inputs: Sequence, size: int) -> list[Sequence]:
    return [
        Sequence(*(one[start : start + size] for one in (
            inputs.values, inputs.mask, inputs.rate, inputs.codes)))
        for start in range(0, len(inputs.values), size)
    ]  # fmt: skip


@pytest.mark.parametrize("solver", ["pot", "sparse"])
def test_a_fit_finds_the_signs(solver: str) -> None:
    part, inputs = built(solver=solver), signing()
    facts = part.fit(batches(inputs, 7))
    written = json.dumps(facts)
    assert json.dumps(asdict(Facts(**json.loads(written)))) == written  # as a report reads them
    assert facts["alpha"] == pytest.approx(part.alpha.item())
    assert facts["steps"] == int(inputs.mask.sum()) == sum(facts["codes"])
    assert sum(int(n) * count for n, count in facts["run_lengths"].items()) == facts["steps"]
    output = part(inputs)
    assert facts["words"] == int(output.lengths.sum()) < facts["characters"] < facts["steps"]
    assert sum(count for _, count in facts["most_used_words"]) == facts["words"]  # all are shown
    counts = [count for _, count in facts["most_used_words"]]
    lengths = [len(word) for word, _ in facts["longest_words"]]
    assert counts == sorted(counts, reverse=True) and lengths == sorted(lengths, reverse=True)
    assert facts["kept"] == len(part.known) > 0
    assert facts["character_error"] < 1e-12
    assert dict(map(tuple, facts["entropies"])).keys() >= {facts["size"]}


def test_solvers_find_the_same_words() -> None:
    found = [built(solver=solver) for solver in ("pot", "sparse")]
    facts = [part.fit([signing()]) for part in found]
    assert torch.equal(found[0].words, found[1].words)
    assert [h for _, h in facts[0]["entropies"]] == pytest.approx(
        [h for _, h in facts[1]["entropies"]], abs=1e-6
    )


def test_the_size_may_be_said() -> None:
    part = built(size=10)
    facts = part.fit([signing()])
    assert facts["size"] == 10 and len(facts["entropies"]) == 1
    assert facts["kept"] + facts["dropped"] == 10 - (CODES + 1)
    assert built(size=1).fit([signing()])["kept"] == 0  # single characters always stay


def test_a_second_fit_forgets_the_first() -> None:
    part, fresh = built(), built()
    part.fit([signing()])
    part.fit([coded([0, 3, 0, 3, 0, 3])])
    fresh.fit([coded([0, 3, 0, 3, 0, 3])])
    assert part.known == fresh.known and torch.equal(part.words, fresh.words)


@both
def test_what_is_learnt_is_kept(embed: str, tmp_path: Any) -> None:
    from safetensors.torch import load_file, save_file

    part, fresh, inputs = built(embed=embed), built(embed=embed), signing(5)
    part.fit([signing()])
    save_file(part.state_dict(), tmp_path / "weights.safetensors")
    assert not torch.equal(fresh(inputs).mask, part(inputs).mask)
    fresh.load_state_dict(load_file(tmp_path / "weights.safetensors"), strict=True)
    ours, theirs = part(inputs), fresh(inputs)
    assert torch.equal(ours.mask, theirs.mask) and torch.equal(ours.values, theirs.values)


def test_it_learns_inside_a_loaded_whole() -> None:
    part, whole = built(), torch.nn.ModuleDict({"mapper": built()})
    part.fit([signing()])
    whole.load_state_dict({f"mapper.{name}": value for name, value in part.state_dict().items()})
    assert whole["mapper"].known == part.known != frozenset()


def test_types() -> None:
    assert SPEC.signature is not None
    output = SPEC.signature(CRAConfig(), INPUTS)
    assert str(output) == "b t d=3" and output.modality is None and output.rate is None
    with pytest.raises(TypeMismatch, match="tokenizer"):
        SPEC.signature(CRAConfig(), TensorType("b t d", {"d": WIDTH}))
    with pytest.raises(TypeMismatch, match="float32"):
        SPEC.signature(CRAConfig(), TensorType("b t d", {"d": WIDTH}, dtype="int64"))


def test_refusals() -> None:
    part, inputs = built(), coded([0, 1])
    for use in (part, lambda batch: part.fit([batch])):
        with pytest.raises(UserError, match="tokenizer"):
            use(evolve(inputs, codes=None))
    with pytest.raises(UserError, match="no training clips"):
        part.fit([])
    with pytest.raises(UserError, match="vocabulary"):
        SPEC.load()(CRAConfig(), Context(inputs=TensorType("b t d", {"d": WIDTH})))


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({"regularisation": 0.001}, "regularisation"),
        ({"relaxation": 0.0}, "relaxation"),
        ({"longest": 1}, "longest"),
        ({"solver": "dense"}, "solver"),
        ({"embed": "max"}, "embed"),
    ],
)
def test_a_recipe_is_refused(written: dict[str, Any], said: str) -> None:
    with pytest.raises(RecipeError, match=re.escape(said)):
        configured("mapper", Use("cra", written))


def test_a_recipe_may_say_that_frequencies_are_met_exactly() -> None:
    _, _, config = configured("mapper", Use("cra", {"relaxation": math.inf}))
    assert config == CRAConfig(relaxation=math.inf)
