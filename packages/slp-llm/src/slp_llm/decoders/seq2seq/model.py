"""An encoder-decoder language model that reads a visual sequence through ``inputs_embeds``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers.modeling_outputs import BaseModelOutput

from slp_core.batch import Tokens
from slp_core.context import Context
from slp_core.errors import UserError
from slp_core.manifest import Row
from slp_core.parts import Translation
from slp_core.sequence import Sequence
from slp_llm.decoders import pretrained
from slp_llm.decoders.generation import settings
from slp_llm.decoders.language_model import LanguageModel, valid_first
from slp_llm.decoders.lora import without_lora
from slp_llm.decoders.seq2seq.languages import frame
from slp_llm.decoders.seq2seq.scratch import configuration
from slp_llm.decoders.seq2seq.spec import Seq2SeqConfig

_KIND = pretrained.Kind("encoder-decoder", "AutoModelForSeq2SeqLM", configuration)


class Seq2Seq(LanguageModel):
    """Translates ``b t d`` with any Hugging Face encoder-decoder.

    The encoder reads ``[source tag ; prompt ; visual steps ; prompt ; </s>]``, valid steps only,
    padded on the right (MultimodalHugs, arXiv:2509.09729, whose prompt goes first; there the mask
    of the end stands on the wrong side when prompts differ in length. SpaMo, arXiv:2408.10593,
    whose prompt goes behind). The decoder learns ``[target tag ; prompt ; text ; </s>]``.

    Raises:
        UserError: weights are missing; a language tag, a prompt's token or a LoRA target is
            unknown; ``scale_inputs`` is asked of a model that scales nothing, ``word_dropout`` of
            one whose tokenizer has no unknown token; the prompt's
            examples cannot be taken from the training rows.
    """

    config: Seq2SeqConfig
    after: Tensor  #: ids that follow the last visual step

    def __init__(self, config: Seq2SeqConfig, context: Context = Context()) -> None:  # noqa: B008
        super().__init__(config, context, _KIND, "encoder_prompt")
        self.frame = frame(config, self.model, self.tokenizer, self.where)
        self.embed_scale = _embed_scale(self.model)
        if config.scale_inputs and self.embed_scale == 1:
            raise UserError(
                f"{self.where}.scale_inputs: has no effect, this model does not scale embeddings"
            )
        if config.word_dropout and self.tokenizer.unk_token_id is None:
            raise UserError(
                f"{self.where}.word_dropout: the model's tokenizer has no unknown token to read"
            )
        self.max_steps = _max_positions(self.model.get_encoder())
        self.max_tokens = _max_positions(self.model.get_decoder())
        self.register_buffer("after", torch.tensor(self.frame.after), persistent=False)
        self._own_prompts = self._prompts(None)

    # -- what the pipeline asks of a part -------------------------------------------------

    def _embeddings(self) -> list[nn.Parameter]:
        halves = (self.model, self.model.get_encoder(), self.model.get_decoder())
        return [half.get_input_embeddings().weight for half in halves]

    def _rest(self, parameter: nn.Parameter) -> str:
        inside = any(parameter is one for one in self.model.get_encoder().parameters())
        return "encoder" if inside else "decoder"

    # -- text to ids -------------------------------------------------------------------------

    def encode(self, row: Row, target: str | None) -> dict[str, list[int]]:
        """``encoder_prompt`` (before the signs, the tag first), ``encoder_prompt_behind``,
        ``decoder_prompt`` (the tag first), and ``labels``: the decoder's prompt, the text,
        ``</s>``.

        Raises:
            UserError: a prompt holds an unknown token, or the text a special one, or more tokens
                than the model has positions for.
        """
        tokens = self._prompts(row)
        if target is not None:
            tokens["labels"] = [*tokens["decoder_prompt"], *self._target_ids(target, row)]
            if self.max_tokens is not None and len(tokens["labels"]) > self.max_tokens:
                raise UserError(
                    f"{row.where}: the text has {len(tokens['labels'])} tokens, "
                    f"the model has positions for {self.max_tokens}"
                )
        return tokens

    def _prompts(self, row: Row | None) -> dict[str, list[int]]:
        """Ids of the prompts that a row brings, or else the recipe has; tags first."""
        fields, where = ({}, f"{self.where}.") if row is None else (row.fields, f"{row.where}: ")
        own = fields.get("encoder_prompt")
        before, behind = self.prompt.around(row) if own is None else (own, "")
        given = fields.get("decoder_prompt", self.config.decoder_prompt)
        prompts = {
            "encoder_prompt": [*self.frame.before, *self._ids(text=before)],
            "encoder_prompt_behind": self._ids(text=behind),
            "decoder_prompt": [*self.frame.prefix, *self._ids(text_target=given)],
        }
        # Examples are text from the corpus, which may hold words that no vocabulary has.
        if own is not None:
            self._refuse_unknown(own, prompts["encoder_prompt"], f"{where}encoder_prompt")
        self._refuse_unknown(given, prompts["decoder_prompt"], f"{where}decoder_prompt")
        return prompts

    # -- vectors to logits -------------------------------------------------------------------

    def merge(self, inputs: Sequence, tokens: dict[str, Tokens]) -> tuple[Tensor, Tensor]:
        """``[before ; visual ; behind ; end]`` of every sample, its valid steps first.

        ``b t d``, a prompt of ``b p`` before and one of ``b q`` behind give
        ``b (p + t + q + 1) d`` and the mask ``b (p + t + q + 1)``, cut to the model's positions
        where padding alone goes beyond them.

        Raises:
            UserError: a sample has more steps than the model has positions for.
        """
        values = inputs.values.to(self.model.dtype)
        if self.config.scale_inputs:
            values = values * self.embed_scale
        batch = len(values)
        before = self._prompts_in(tokens, "encoder_prompt", batch)
        behind = self._prompts_in(tokens, "encoder_prompt_behind", batch)
        end = self.embed(self.after).expand(batch, -1, -1)  # (b, e, d)
        ended = inputs.mask.new_ones(batch, len(self.after))
        parts = [self.embed(before.ids), values, self.embed(behind.ids), end]
        merged = torch.cat(parts, 1)  # (b, p + t + q + e, d)
        mask = torch.cat([before.mask, inputs.mask, behind.mask, ended], 1)
        merged, mask = valid_first(merged, mask)
        most = self.max_steps
        if most is not None and mask.shape[1] > most:
            longest = int(mask.sum(1).max())
            if longest > most:
                raise UserError(
                    f"{self.where}: {longest} steps with prompt and end, the model has positions "
                    f"for {most}; shorten the clips or let a mapper stride"
                )
            merged, mask = merged[:, :most], mask[:, :most]  # behind it is padding alone
        return merged, mask

    def embed(self, ids: Tensor) -> Tensor:
        """``... l`` ids to ``... l d``, as the model embeds them (or unscaled, if asked)."""
        embedding = self.model.get_input_embeddings()
        if self.config.embed_scale == "none":
            return F.embedding(ids, embedding.weight)
        return embedding(ids) * getattr(self.model.get_encoder(), "embed_scale", 1.0)

    def text_embeddings(self, tokens: dict[str, Tokens]) -> Sequence:
        """``b l d``: the text and its ``</s>`` as the model embeds them; tag and prompt, which
        stand before them in the labels, left out.

        Gradient reaches the embeddings, if they are trained, and nothing else."""
        return _without_clock(
            *valid_first(self.embed(tokens["labels"].ids), self._text_mask(tokens))
        )

    def _text_mask(self, tokens: dict[str, Tokens]) -> Tensor:
        """``b l``: which labels are the text and its ``</s>``."""
        labels = tokens["labels"]
        prompt = self._prompts_in(tokens, "decoder_prompt", len(labels.ids)).mask.sum(1)
        places = torch.arange(labels.ids.shape[1], device=prompt.device)
        return labels.mask & (places[None] >= prompt[:, None])

    def encoded(self, inputs: Sequence, tokens: dict[str, Tokens]) -> tuple[Sequence, Sequence]:
        """``b (p + t + q + 1) d`` and ``b (l + 1) d``: what the encoder makes of the signs with
        all that stands around them (:meth:`merge`), and of ``[source tag ; text ; </s>]``, without
        the low-rank update (MMSLT, arXiv:2411.16789, whose text has an encoder of its own, the
        same but for the update)."""
        encoder = self.model.get_encoder()
        merged, mask = self.merge(inputs, tokens)
        signs = encoder(inputs_embeds=merged, attention_mask=mask)[0]
        ids, there = self._framed_text(tokens)
        with without_lora(self.model):
            text = encoder(input_ids=ids, attention_mask=there)[0]
        return _without_clock(signs, mask), _without_clock(text, there)

    def _framed_text(self, tokens: dict[str, Tokens]) -> tuple[Tensor, Tensor]:
        """Ids ``b l`` of the text, its tag and its end, and which are there; behind them, pads."""
        labels = tokens["labels"].ids
        around = (self.frame.before, self.frame.after[1:])  # the text has its own </s>
        before, behind = (labels.new_tensor(tags).expand(len(labels), -1) for tags in around)
        ids = torch.cat([before, labels, behind], 1)
        text = self._text_mask(tokens)
        there = [torch.ones_like(before).bool(), text, torch.ones_like(behind).bool()]
        packed, mask = valid_first(ids[..., None], torch.cat(there, 1))
        return packed.squeeze(-1).masked_fill(~mask, self.tokenizer.pad_token_id), mask

    def forward(self, inputs: Sequence, tokens: dict[str, Tokens]) -> Tensor:
        """Logits ``b l v``, teacher forced: position ``l`` scores ``tokens["labels"]`` at l."""
        merged, mask = self.merge(inputs, tokens)
        labels = tokens["labels"]
        said = self._shift_right(labels.ids, labels.mask)
        if self.training and self.config.word_dropout:
            said = self._with_unknown(said, tokens)
        return self.model(
            inputs_embeds=merged, attention_mask=mask, decoder_input_ids=said, use_cache=False
        ).logits

    def _shift_right(self, ids: Tensor, mask: Tensor) -> Tensor:
        """The decoder's inputs: each position sees the label before it, the first the start."""
        shifted = F.pad(ids[:, :-1], (1, 0), value=self.frame.start)
        seen = F.pad(mask[:, :-1], (1, 0), value=True)
        return shifted.masked_fill(~seen, self.tokenizer.pad_token_id)

    def _with_unknown(self, said: Tensor, tokens: dict[str, Tokens]) -> Tensor:
        """The decoder's inputs ``b l``, some of the text's replaced by the unknown token, so that
        it relies less on what it said and more on what it sees (word dropout: Gal and Ghahramani,
        arXiv:1512.05287; for little data Sennrich and Zhang, arXiv:1905.11901)."""
        text = F.pad(self._text_mask(tokens)[:, :-1], (1, 0))  # neither start nor tag and prompt
        dropped = text & (torch.rand(said.shape, device=said.device) < self.config.word_dropout)
        return said.masked_fill(dropped, self.tokenizer.unk_token_id)

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
            UserError: an option is unknown, bad or without effect.
        """
        own = self.config.generation
        search = settings(self.model.generation_config, own, options, self.where, alternatives)
        search.config.decoder_start_token_id = self.frame.start
        merged, mask = self.merge(inputs, tokens)
        encoded = self.model.get_encoder()(inputs_embeds=merged, attention_mask=mask)[0]
        translations: dict[int, Translation] = {}
        for rows, prompt in _by_length(self._prompts_in(tokens, "decoder_prompt", len(mask))):
            self._check_length(prompt.shape[1], search.config.max_new_tokens)
            first = F.pad(prompt, (1, 0), value=self.frame.start)  # (n, 1 + p)
            known = {
                "encoder_outputs": BaseModelOutput(last_hidden_state=encoded[rows]),
                "attention_mask": mask[rows],
            }
            ids = self._search(decoder_input_ids=first, generation_config=search.config, **known)
            heard = (one[rows].repeat_interleave(search.returned, 0) for one in (encoded, mask))
            probabilities = self._probabilities(ids, first.shape[1], *heard)
            said = self._translations(ids[:, first.shape[1] :], probabilities, search)
            translations |= zip(rows.tolist(), said, strict=True)
        return [translations[row] for row in range(len(translations))]

    def _logits(self, ids: Tensor, *known: Tensor) -> Tensor:
        encoded, mask = known
        return self.model(
            encoder_outputs=BaseModelOutput(last_hidden_state=encoded),
            attention_mask=mask,
            decoder_input_ids=ids,
            use_cache=False,
        ).logits

    def _check_length(self, prompt: int, new: int) -> None:
        if self.max_tokens is not None and prompt + new > self.max_tokens:
            raise UserError(
                f"{self.where}: max_new_tokens = {new} after a prompt of {prompt} tokens, "
                f"the model has positions for {self.max_tokens}"
            )


def _without_clock(values: Tensor, mask: Tensor) -> Sequence:
    return Sequence(values, mask, values.new_full((len(values),), torch.nan))


def _embed_scale(model: Any) -> float:
    """What the model multiplies token embeddings by: inside its embedding, or its encoder."""
    return float(
        getattr(model.get_input_embeddings(), "embed_scale", 1.0)
        * getattr(model.get_encoder(), "embed_scale", 1.0)
    )


def _max_positions(half: nn.Module) -> int | None:
    """How long a sequence may be, if positions come from a table that does not grow."""
    table = getattr(half, "embed_positions", None)
    config: Any = half.config
    return config.max_position_embeddings if isinstance(table, nn.Embedding) else None


def _by_length(prompts: Tokens) -> Iterator[tuple[Tensor, Tensor]]:
    """Samples whose prompts are equally long: their rows ``n`` and their ids ``n p``."""
    lengths = prompts.mask.sum(1)
    for length in lengths.unique().tolist():
        rows = (lengths == length).nonzero().squeeze(1)
        yield rows, prompts.ids[rows, :length]
