"""Objectives on a small pipeline with a tokenizer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from slp_core.context import Context
from slp_core.tensortype import TensorType
from slp_core.testing import Trial
from slp_core.testing.standin import WIDTH, stand_in
from slp_encoders.tokenizers.vq_sign.model import VQSign
from slp_encoders.tokenizers.vq_sign.spec import VQSignConfig

if TYPE_CHECKING:
    from slp_core.pipeline import Pipeline

TOKENIZER = "streams.signs.tokenizer"


def context_prediction(folder: Path) -> Trial:
    return Trial(pipeline=_tokenized, on=TOKENIZER)


def _tokenized() -> Pipeline:
    context = Context(inputs=TensorType("b t d", {"d": WIDTH}))
    return stand_in({TOKENIZER: VQSign(VQSignConfig(codes=8), context)})
