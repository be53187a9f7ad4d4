"""Token ids to the rows of a table."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from slp_core.context import Context
from slp_core.errors import UserError
from slp_core.sequence import Sequence
from slp_core.tensortype import Symbol, TensorType, TypeMismatch
from slp_core.testing import assert_padding_changes_nothing
from slp_encoders.encoders.embedding.spec import SPEC, EmbeddingConfig


def ids(vocabulary: int | Symbol = 11) -> TensorType:
    sizes: dict[str, Any] = {"vocabulary": vocabulary}
    return TensorType("b t", sizes, dtype="int64", rate=None, modality="text")


def built(**config: Any) -> Any:
    torch.manual_seed(0)
    return SPEC.load()(EmbeddingConfig(dim=4, **config), Context(inputs=ids()))


def test_each_id_is_its_row() -> None:
    part, inputs = built(), Sequence.pad([torch.tensor([3, 10]), torch.tensor([0])], [1.0, 1.0])
    output = part(inputs)
    assert part.table.weight.shape == (11, 4)
    assert torch.equal(output.values[0], part.table.weight[[3, 10]])
    assert torch.equal(output.values[1, 0], part.table.weight[0])
    assert torch.equal(output.mask, inputs.mask)


@settings(max_examples=20)
@given(lengths=st.lists(st.integers(1, 9), min_size=1, max_size=4))
def test_padding_changes_nothing(lengths: list[int]) -> None:
    samples = [torch.randint(11, (length,)) for length in lengths]
    assert_padding_changes_nothing(built(dropout=0.5), samples)


def test_dropout_is_for_training_only() -> None:
    inputs = Sequence.pad([torch.arange(11)], [1.0])
    part = built(dropout=0.5)
    assert (part.train()(inputs).values == 0).any()
    assert torch.equal(part.eval()(inputs).values[0], part.table.weight)


def test_types() -> None:
    assert SPEC.signature is not None
    output = SPEC.signature(EmbeddingConfig(dim=4), ids(Symbol("vocabulary")))
    assert str(output) == "b t d=4" and output.rate is None and output.modality is None
    with pytest.raises(TypeMismatch, match="`b t` is needed"):
        SPEC.signature(EmbeddingConfig(dim=4), TensorType("b t d"))
    with pytest.raises(UserError, match="vocabulary"):
        SPEC.load()(EmbeddingConfig(dim=4), Context(inputs=ids(Symbol("vocabulary"))))
    with pytest.raises(UserError, match="inputs"):
        SPEC.load()(EmbeddingConfig(dim=4))
