"""A causal language model that reads a visual sequence in the middle of its prompt."""

from __future__ import annotations

from inspect import signature
from typing import Any

import torch
from torch import Tensor

from slp_core.batch import Tokens
from slp_core.context import Context
from slp_core.errors import UserError
from slp_core.manifest import Row
from slp_core.parts import Translation
from slp_core.sequence import Sequence
from slp_llm.decoders import pretrained
from slp_llm.decoders.causal_lm.scratch import configuration
from slp_llm.decoders.causal_lm.spec import CausalLmConfig
from slp_llm.decoders.generation import settings
from slp_llm.decoders.language_model import LanguageModel, valid_first, valid_last

KIND = pretrained.Kind("causal language model", "AutoModelForCausalLM", configuration)


class CausalLm(LanguageModel):
    """Translates ``b t d`` with any Hugging Face causal language model.

    It reads ``[<s> ; prompt ; visual steps ; prompt ; text ; </s>]`` and learns the text and its
    end (SignLLM, Gong et al., arXiv:2404.00925, whose model is frozen). ``<s>`` comes
    first where the checkpoint's tokenizer puts it there; a model from scratch has it where the
    text begins. Prompts are padded on the left and texts on the right, so that the text of every
    sample begins at the same place, in training as in translation; positions are counted from a
    sample's first valid step on. Visual steps stand where the model's own embeddings do: what
    scales those inside the model scales them.

    Raises:
        UserError: weights are missing; a prompt's token or a LoRA target is unknown; the
            tokenizer has no token that ends a text; the prompt's examples cannot be taken from
            the training rows; ``quantize`` without bitsandbytes.
    """

    config: CausalLmConfig

    def __init__(self, config: CausalLmConfig, context: Context = Context()) -> None:  # noqa: B008
        super().__init__(config, context, KIND, "prompt", config.quantize)
        if self.tokenizer.eos_token_id is None:
            raise UserError(f"{self.where}.model: its tokenizer has no token that ends a text")
        bos = self.tokenizer.bos_token_id
        begins = self.tokenizer("").input_ids[:1] == [bos]
        self._first, self._last = ([], [bos]) if config.scratch else ([bos] if begins else [], [])
        text_config = self.model.config.get_text_config(decoder=True)
        self.max_positions: int | None = getattr(text_config, "max_position_embeddings", None)
        self._accepted = signature(self.model.forward).parameters
        self._own_prompts = self._prompts(None)

    # -- text to ids -------------------------------------------------------------------------

    def encode(self, row: Row, target: str | None) -> dict[str, list[int]]:
        """``prompt`` (before the signs, ``<s>`` first), ``prompt_behind``, and ``labels``: the
        text, ``</s>``.

        Raises:
            UserError: the text holds a special token, or has with its prompt more tokens than the
                model has positions for.
        """
        tokens = self._prompts(row)
        if target is not None:
            tokens["labels"] = self._target_ids(target, row)
            length = sum(map(len, tokens.values()))
            if self.max_positions is not None and length > self.max_positions:
                raise UserError(
                    f"{row.where}: prompt and text have {length} tokens, "
                    f"the model has positions for {self.max_positions}"
                )
        return tokens

    def _prompts(self, row: Row | None) -> dict[str, list[int]]:
        before, behind = self.prompt.around(row)
        return {
            "prompt": [*self._first, *self._ids(text=before)],
            "prompt_behind": [*self._ids(text=behind), *self._last],
        }

    # -- vectors to logits -------------------------------------------------------------------

    def merge(self, inputs: Sequence, tokens: dict[str, Tokens]) -> tuple[Tensor, Tensor]:
        """``[before ; visual ; behind]`` of every sample, its valid steps last.

        ``b t d``, a prompt of ``b p`` before and one of ``b q`` behind give ``b (p + t + q) d``
        and the mask ``b (p + t + q)``.
        """
        batch = len(inputs.values)
        before = self._prompts_in(tokens, "prompt", batch)
        behind = self._prompts_in(tokens, "prompt_behind", batch)
        words = self.embed(before.ids)
        merged = torch.cat([words, inputs.values.to(words.dtype), self.embed(behind.ids)], 1)
        return valid_last(merged, torch.cat([before.mask, inputs.mask, behind.mask], 1))

    def embed(self, ids: Tensor) -> Tensor:
        """``... l`` ids to ``... l d``, as the model embeds them."""
        return self.model.get_input_embeddings()(ids)

    def text_embeddings(self, tokens: dict[str, Tokens]) -> Sequence:
        """``b l d``: the text and its ``</s>`` as the model embeds them.

        Gradient reaches the embeddings, if they are trained, and nothing else."""
        labels = tokens["labels"]
        values, mask = valid_first(self.embed(labels.ids), labels.mask)
        return Sequence(values, mask, values.new_full((len(values),), torch.nan))

    def forward(self, inputs: Sequence, tokens: dict[str, Tokens]) -> Tensor:
        """Logits ``b l v``, teacher forced: position ``l`` scores ``tokens["labels"]`` at l.

        Raises:
            UserError: more steps and tokens than the model has positions for.
        """
        merged, mask = self.merge(inputs, tokens)
        labels = tokens["labels"]
        mask = torch.cat([mask, labels.mask[:, :-1]], 1)
        self._check_length(mask, 0)
        return self._logits(labels.ids[:, :-1], merged, mask)

    def _logits(self, ids: Tensor, *known: Tensor) -> Tensor:
        """``known``: what stands before the ids ``n l``, as vectors ``n m d``, and the mask
        ``n (m + l)``. The first of the ``l + 1`` logits are those of the first id."""
        merged, mask = known
        options: dict[str, Any] = {
            "position_ids": (mask.long().cumsum(1) - 1).clamp(min=0),
            "logits_to_keep": ids.shape[1] + 1,
        }
        output = self.model(
            inputs_embeds=torch.cat([merged, self.embed(ids)], 1),  # (n, m + l, d)
            attention_mask=mask,
            use_cache=False,
            **{name: value for name, value in options.items() if name in self._accepted},
        )
        return output.logits[:, -ids.shape[1] - 1 :]

    def _check_length(self, mask: Tensor, new: int) -> None:
        """Refuse samples with too many valid steps and ``new`` tokens behind them."""
        most = self.max_positions
        if most is None or mask.shape[1] + new <= most:
            return
        longest = int(mask.sum(1).max()) + new
        if longest > most:
            raise UserError(
                f"{self.where}: {longest} steps and tokens with prompt and text, the model has "
                f"positions for {most}; shorten the clips, let a mapper stride, or lower "
                "max_new_tokens"
            )

    # -- vectors to text ---------------------------------------------------------------------

    @torch.no_grad()
    def generate(
        self,
        inputs: Sequence,
        tokens: dict[str, Tokens],
        *,
        alternatives: int = 0,
        **options: Any,
    ) -> list[Translation]:
        """Translate by search, as every :class:`LanguageModel` does.

        Raises:
            UserError: an option is unknown, bad or without effect; more steps and new tokens than
                the model has positions for.
        """
        own = self.config.generation
        search = settings(self.model.generation_config, own, options, self.where, alternatives)
        config = search.config
        config.eos_token_id = self.tokenizer.eos_token_id
        config.pad_token_id = config.eos_token_id  # behind the end, where nobody reads
        merged, mask = self.merge(inputs, tokens)
        self._check_length(mask, config.max_new_tokens)
        ids = self._search(inputs_embeds=merged, attention_mask=mask, generation_config=config)
        merged, mask = (one.repeat_interleave(search.returned, 0) for one in (merged, mask))
        said = mask.new_ones(ids[:, 1:].shape)
        probabilities = self._probabilities(ids, 0, merged, torch.cat([mask, said], 1))
        return self._translations(ids, probabilities, search)
