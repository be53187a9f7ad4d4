"""Descriptions as vectors: the first token's state in a text encoder, or phrases counted."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from slp_llm.annotators.sign_description.describers import checkpoint_identity, open_model

if TYPE_CHECKING:
    import numpy as np


class Embedding(Protocol):
    """Makes vectors of descriptions."""

    @property
    def identity(self) -> str:
        """What a vector depends on beside the description."""

    def embed(self, descriptions: list[str]) -> np.ndarray:
        """``n`` to ``n d``, float32."""


class Words:
    """One number for each phrase that the rules may say, 1 where it is said."""

    identity = "words"

    def embed(self, descriptions: list[str]) -> np.ndarray:
        import numpy as np

        from slp_llm.annotators.sign_description.phrases import multi_hot

        return np.stack([multi_hot(one) for one in descriptions])


class TextEncoder:
    """A Hugging Face text encoder: its last hidden state at the first token, BERT's ``[CLS]``
    (MMSLT, arXiv:2411.16789). Opened when it is asked first; equal descriptions pass it once."""

    def __init__(self, name: str, batch: int) -> None:
        self.name, self.batch = name, batch
        self._known: dict[str, np.ndarray] = {}

    @property
    def identity(self) -> str:
        return checkpoint_identity(self.name)

    @cached_property
    def _opened(self) -> tuple[Any, Any]:
        from transformers import AutoTokenizer

        model = open_model(self.name, "text encoder", "AutoModel")
        return model, AutoTokenizer.from_pretrained(self.name, trust_remote_code=False)

    def embed(self, descriptions: list[str]) -> np.ndarray:
        import numpy as np
        import torch

        model, tokenizer = self._opened
        new = [one for one in dict.fromkeys(descriptions) if one not in self._known]
        longest = min(tokenizer.model_max_length, model.config.max_position_embeddings)
        for start in range(0, len(new), self.batch):
            some = new[start : start + self.batch]
            batch = tokenizer(
                some, padding=True, truncation=True, max_length=longest, return_tensors="pt"
            ).to(model.device)
            with torch.inference_mode():
                states = model(**batch).last_hidden_state[:, 0]  # (n, d)
            self._known |= dict(zip(some, states.float().cpu().numpy(), strict=True))
        return np.stack([self._known[one] for one in descriptions])
