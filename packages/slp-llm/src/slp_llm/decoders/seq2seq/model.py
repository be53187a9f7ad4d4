"""An encoder-decoder language model that reads a visual sequence through ``inputs_embeds``."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers.modeling_outputs import BaseModelOutput

from slp_core.batch import Tokens
from slp_core.context import Context
from slp_core.errors import UserError
from slp_core.manifest import Row
from slp_core.parts import Decoder, Translation
from slp_core.sequence import Sequence
from slp_llm.decoders import pretrained
from slp_llm.decoders.generation import settings
from slp_llm.decoders.lora import add_lora
from slp_llm.decoders.prompts import Prompt
from slp_llm.decoders.seq2seq.languages import frame
from slp_llm.decoders.seq2seq.scratch import from_scratch
from slp_llm.decoders.seq2seq.spec import Seq2SeqConfig

# One sentence at a time is tokenised; threads would only be complained of in forked workers.
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

_KIND = pretrained.Kind("encoder-decoder", "AutoModelForSeq2SeqLM", from_scratch)
_LOGITS_AT_ONCE = 2**27  # numbers; half a gigabyte


class Seq2Seq(Decoder):
    """Translates ``b t d`` with any Hugging Face encoder-decoder.

    The encoder reads ``[source tag ; prompt ; visual steps ; prompt ; </s>]``, valid steps only,
    padded on the right (MultimodalHugs, arXiv:2509.09729, whose prompt goes first; there the mask
    of the end stands on the wrong side when prompts differ in length. SpaMo, arXiv:2408.10593,
    whose prompt goes behind). The decoder learns ``[target tag ; prompt ; text ; </s>]``.

    Raises:
        UserError: weights are missing; a language tag, a prompt's token or a LoRA target is
            unknown; ``scale_inputs`` is asked of a model that scales nothing; the prompt's
            examples cannot be taken from the training rows.
    """

    config: Seq2SeqConfig
    after: Tensor  #: ids that follow the last visual step

    def __init__(self, config: Seq2SeqConfig, context: Context = Context()) -> None:  # noqa: B008
        super().__init__(config, context)
        self.where = context.path or "decoder"
        self.model, self.tokenizer = pretrained.load(config, context, _KIND)
        self.frame = frame(config, self.model, self.tokenizer, self.where)
        if config.lora is not None:
            add_lora(self.model, config.lora, self.where)
        self.embed_scale = _embed_scale(self.model)
        if config.scale_inputs and self.embed_scale == 1:
            raise UserError(
                f"{self.where}.scale_inputs: has no effect, this model does not scale embeddings"
            )
        self.max_steps = _max_positions(self.model.get_encoder())
        self.max_tokens = _max_positions(self.model.get_decoder())
        self.register_buffer("after", torch.tensor(self.frame.after), persistent=False)
        self._special = frozenset(self.tokenizer.all_special_ids)
        where = f"{self.where}.encoder_prompt"
        self.prompt = Prompt(config.encoder_prompt, config.examples, context, where)
        for words in self.prompt.words:
            self._refuse_unknown(words, self._ids(text=words), where)
        self._own_prompts = self._prompts(None)

    # -- what the pipeline asks of a part -------------------------------------------------

    def sizes(self) -> dict[str, int]:
        """The width of the sequences it reads."""
        return {"d": self.model.get_input_embeddings().embedding_dim}

    def subparts(self) -> dict[str, Iterable[nn.Parameter]]:
        """``encoder``, ``decoder``, ``embeddings``, ``head``, ``lora``: disjoint, together all
        parameters, empty ones left out. A head tied to the embeddings belongs to them."""
        groups: dict[str, list[nn.Parameter]] = {}
        embeddings, head = self._embeddings(), self.model.get_output_embeddings()
        encoder = {id(parameter) for parameter in self.model.get_encoder().parameters()}
        for name, parameter in self.model.named_parameters():
            if ".lora_" in name:
                group = "lora"
            elif any(parameter is one for one in embeddings):
                group = "embeddings"
            elif any(parameter is one for one in head.parameters()):
                group = "head"
            else:
                group = "encoder" if id(parameter) in encoder else "decoder"
            groups.setdefault(group, []).append(parameter)
        return dict(groups)

    def save_assets(self, folder: Path) -> None:
        pretrained.save(self.model, self.tokenizer, folder)
        self.prompt.save_assets(folder)

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
            text = self._ids(text_target=target)
            if reserved := self._special.intersection(text) - {self.tokenizer.unk_token_id}:
                token = self.tokenizer.decode(min(reserved))
                raise UserError(
                    f'{row.where}: "{token}" has a meaning of its own and cannot be text, '
                    f'as in "{target}"'
                )
            tokens["labels"] = [*tokens["decoder_prompt"], *text, self.tokenizer.eos_token_id]
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

    def _refuse_unknown(self, prompt: str, ids: list[int], where: str) -> None:
        if self.tokenizer.unk_token_id in ids:
            raise UserError(
                f'{where}: "{prompt}" holds a token the vocabulary lacks; '
                "list it in the decoder's new_tokens"
            )

    def _ids(self, **text: Any) -> list[int]:
        """Ids of ``text`` as the encoder reads it, or of ``text_target``; none are added."""
        return self.tokenizer(**text, add_special_tokens=False).input_ids

    def _prompts_in(self, tokens: dict[str, Tokens], key: str, batch: int) -> Tokens:
        """The prompts of a batch; the recipe's where none are given."""
        if key in tokens:
            return tokens[key]
        own = torch.tensor(self._own_prompts[key], dtype=torch.long, device=self.after.device)
        ids = own.expand(batch, -1)
        return Tokens(ids, torch.ones_like(ids, dtype=torch.bool))

    # -- vectors to logits -------------------------------------------------------------------

    def merge(self, inputs: Sequence, tokens: dict[str, Tokens]) -> tuple[Tensor, Tensor]:
        """``[before ; visual ; behind ; end]`` of every sample, its valid steps first.

        ``b t d``, a prompt of ``b p`` before and one of ``b q`` behind give
        ``b (p + t + q + 1) d`` and the mask ``b (p + t + q + 1)``.

        Raises:
            UserError: more steps than the model has positions for.
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
        if self.max_steps is not None and mask.shape[1] > self.max_steps:
            raise UserError(
                f"{self.where}: {mask.shape[1]} steps with prompt and end, the model has positions "
                f"for {self.max_steps}; shorten the clips or let a mapper stride"
            )
        return _valid_first(merged, mask)

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
        labels = tokens["labels"]
        prompt = self._prompts_in(tokens, "decoder_prompt", len(labels.ids)).mask.sum(1)
        places = torch.arange(labels.ids.shape[1], device=prompt.device)
        values, mask = _valid_first(
            self.embed(labels.ids), labels.mask & (places[None] >= prompt[:, None])
        )
        return Sequence(values, mask, values.new_full((len(values),), torch.nan))

    def forward(self, inputs: Sequence, tokens: dict[str, Tokens]) -> Tensor:
        """Logits ``b l v``, teacher forced: position ``l`` scores ``tokens["labels"]`` at l."""
        merged, mask = self.merge(inputs, tokens)
        labels = tokens["labels"]
        return self.model(
            inputs_embeds=merged,
            attention_mask=mask,
            decoder_input_ids=self._shift_right(labels.ids, labels.mask),
            use_cache=False,
        ).logits

    def _shift_right(self, ids: Tensor, mask: Tensor) -> Tensor:
        """The decoder's inputs: each position sees the label before it, the first the start."""
        shifted = F.pad(ids[:, :-1], (1, 0), value=self.frame.start)
        seen = F.pad(mask[:, :-1], (1, 0), value=True)
        return shifted.masked_fill(~seen, self.tokenizer.pad_token_id)

    # -- vectors to text ---------------------------------------------------------------------

    @torch.no_grad()
    def generate(
        self, inputs: Sequence, tokens: dict[str, Tokens], **options: Any
    ) -> list[Translation]:
        """Translate by search.

        Prompts that ``tokens`` lacks are the recipe's. ``options`` go before its ``generation``,
        which goes before the checkpoint's own settings. A piece's probability is
        P(piece | pieces before it, signal) without penalties; the ``</s>`` that ends a
        translation is a piece too.

        Raises:
            UserError: an option is unknown, bad or without effect.
        """
        search = settings(self.model.generation_config, self.config.generation, options, self.where)
        search.decoder_start_token_id = self.frame.start
        merged, mask = self.merge(inputs, tokens)
        encoded = self.model.get_encoder()(inputs_embeds=merged, attention_mask=mask)[0]
        translations: dict[int, Translation] = {}
        for rows, prompt in _by_length(self._prompts_in(tokens, "decoder_prompt", len(mask))):
            self._check_length(prompt.shape[1], search.max_new_tokens)
            first = F.pad(prompt, (1, 0), value=self.frame.start)  # (n, 1 + p)
            known = {
                "encoder_outputs": BaseModelOutput(last_hidden_state=encoded[rows]),
                "attention_mask": mask[rows],
            }
            ids = self._search(decoder_input_ids=first, generation_config=search, **known)
            probabilities = self._probabilities(ids, first.shape[1], encoded[rows], mask[rows])
            new = ids[:, first.shape[1] :].tolist()
            for row, said, worth in zip(rows.tolist(), new, probabilities.tolist(), strict=True):
                translations[row] = self._translation(said, worth)
        return [translations[row] for row in range(len(translations))]

    def _search(self, **known: Any) -> Tensor:
        """Ids ``n l``, what was given included."""
        try:
            with pretrained.quiet():
                return self.model.generate(**known)
        except ValueError as error:  # of a setting that only shows when it is used
            raise UserError(f"{self.where}: generation: {error}") from error

    def _probabilities(self, ids: Tensor, given: int, encoded: Tensor, mask: Tensor) -> Tensor:
        """P(id | ids before it) of all but the first ``given`` ids, one teacher-forced pass."""
        at_once = max(1, _LOGITS_AT_ONCE // (ids.shape[1] * self.model.config.vocab_size))
        found = []
        for start in range(0, len(ids), at_once):
            some = slice(start, start + at_once)
            output = self.model(
                encoder_outputs=BaseModelOutput(last_hidden_state=encoded[some]),
                attention_mask=mask[some],
                decoder_input_ids=ids[some, :-1],
                use_cache=False,
            )
            logits = output.logits[:, given - 1 :].float()  # (n, l, v)
            chosen = logits.gather(-1, ids[some, given:, None]).squeeze(-1)  # (n, l)
            found.append((chosen - logits.logsumexp(-1)).exp())
        return torch.cat(found)

    def _check_length(self, prompt: int, new: int) -> None:
        if self.max_tokens is not None and prompt + new > self.max_tokens:
            raise UserError(
                f"{self.where}: max_new_tokens = {new} after a prompt of {prompt} tokens, "
                f"the model has positions for {self.max_tokens}"
            )

    def _translation(self, ids: list[int], probabilities: list[float]) -> Translation:
        end = self.tokenizer.eos_token_id
        length = ids.index(end) + 1 if end in ids else len(ids)
        ids, worth = ids[:length], torch.tensor(probabilities[:length], dtype=torch.float64)
        text = self.tokenizer.decode(
            [one for one in ids if one not in self._special], clean_up_tokenization_spaces=False
        )
        pieces = self.tokenizer.convert_ids_to_tokens(ids)
        return Translation(
            text,
            float(worth.log().mean().exp()),
            tuple(zip(pieces, worth.tolist(), strict=True)),
        )

    def _embeddings(self) -> list[nn.Parameter]:
        """The weights that turn ids into vectors; one where encoder and decoder share it."""
        halves = (self.model, self.model.get_encoder(), self.model.get_decoder())
        return [half.get_input_embeddings().weight for half in halves]


def _valid_first(values: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """``b l d`` and its mask ``b l``, the valid steps of each sample moved to the front."""
    batch, length = mask.shape
    order = mask.long().argsort(dim=1, descending=True, stable=True)  # (b, l)
    places = order + torch.arange(batch, device=order.device)[:, None] * length
    packed = values.flatten(0, 1).index_select(0, places.flatten()).view_as(values)
    return packed, mask.gather(1, order)


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
