"""What every decoder that is a Hugging Face language model does alike."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from slp_core.batch import Tokens
from slp_core.context import Context
from slp_core.errors import UserError
from slp_core.manifest import Row
from slp_core.parts import Decoder, Translation
from slp_core.sequence import Sequence
from slp_llm.decoders import pretrained
from slp_llm.decoders.generation import Search
from slp_llm.decoders.lora import add_lora
from slp_llm.decoders.prompts import Prompt

# One sentence at a time is tokenised; threads would only be complained of in forked workers.
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

_LOGITS_AT_ONCE = 2**27  # numbers; half a gigabyte
_UNREADABLE = "\N{REPLACEMENT CHARACTER}"  # where bytes are no whole character
_DISTANCES_AT_ONCE = 2**24  # numbers of embeddings, or distances


class LanguageModel(Decoder):
    """A model of Transformers with its tokenizer and its prompt.

    ``prompt_key`` is the key of ``config`` that holds the prompt's template.

    It translates by search. Prompts that ``tokens`` lacks are the recipe's. ``options`` go before
    its ``generation``, which goes before the checkpoint's own settings. A piece's probability is
    P(piece | pieces before it, signal) without penalties; the ``</s>`` that ends a translation is
    a piece too. ``alternatives`` are other beams, in the order of the search.
    """

    _own_prompts: dict[str, list[int]]  #: ids of the prompts of a sample that comes without a row

    def __init__(
        self,
        config: Any,
        context: Context,
        kind: pretrained.Kind,
        prompt_key: str,
        quantize: str | None = None,
    ) -> None:
        super().__init__(config, context)
        self.where = context.path or "decoder"
        self.model, self.tokenizer = pretrained.load(config, context, kind, quantize)
        if config.lora is not None:
            add_lora(self.model, config.lora, self.where)
        self._special = frozenset(self.tokenizer.all_special_ids)
        where = f"{self.where}.{prompt_key}"
        self.prompt = Prompt(getattr(config, prompt_key), config.examples, context, where)
        for words in self.prompt.words:
            self._refuse_unknown(words, self._ids(text=words), where)

    def sizes(self) -> dict[str, int]:
        """The width of the sequences it reads."""
        return {"d": self.model.get_input_embeddings().embedding_dim}

    def subparts(self) -> dict[str, Iterable[nn.Parameter]]:
        """``embeddings``, ``head``, ``lora``, and the rest, ``layers`` (of an encoder-decoder
        ``encoder`` and ``decoder``): disjoint, together all parameters, empty ones left out. A
        head tied to the embeddings belongs to them."""
        groups: dict[str, list[nn.Parameter]] = {}
        embeddings = {id(parameter) for parameter in self._embeddings()}
        head = {id(parameter) for parameter in self.model.get_output_embeddings().parameters()}
        for name, parameter in self.model.named_parameters():
            if ".lora_" in name:
                group = "lora"
            elif id(parameter) in embeddings:
                group = "embeddings"
            else:
                group = "head" if id(parameter) in head else self._rest(parameter)
            groups.setdefault(group, []).append(parameter)
        return dict(groups)

    def _embeddings(self) -> list[nn.Parameter]:
        """The weights that turn ids into vectors."""
        return [self.model.get_input_embeddings().weight]

    def _rest(self, parameter: nn.Parameter) -> str:
        """The group of a parameter that is in no other."""
        return "layers"

    def save_assets(self, folder: Path) -> None:
        pretrained.save(self.model, self.tokenizer, folder)
        self.prompt.save_assets(folder)

    # -- text to ids and back ----------------------------------------------------------------

    def _ids(self, **text: Any) -> list[int]:
        """Ids of ``text`` as the model reads it, or of ``text_target``; none are added."""
        return self.tokenizer(**text, add_special_tokens=False).input_ids

    def _target_ids(self, text: str, row: Row) -> list[int]:
        """Ids of what is to be said, and of the end.

        Raises:
            UserError: the text holds a special token.
        """
        ids = self._ids(text_target=text)
        unknown = {self.tokenizer.unk_token_id} - {self.tokenizer.eos_token_id}  # GPT-2: one token
        if reserved := self._special.intersection(ids) - unknown:
            token = self.tokenizer.decode(min(reserved))
            raise UserError(
                f'{row.where}: "{token}" has a meaning of its own and cannot be text, '
                f'as in "{text}"'
            )
        return [*ids, self.tokenizer.eos_token_id]

    def _refuse_unknown(self, prompt: str, ids: list[int], where: str) -> None:
        if self.tokenizer.unk_token_id in ids:
            raise UserError(
                f'{where}: "{prompt}" holds a token the vocabulary lacks; '
                "list it in the decoder's new_tokens"
            )

    def _prompts_in(self, tokens: dict[str, Tokens], key: str, batch: int) -> Tokens:
        """The prompts of a batch; the recipe's where none are given."""
        if key in tokens:
            return tokens[key]
        device = self.model.get_input_embeddings().weight.device
        own = torch.tensor(self._own_prompts[key], dtype=torch.long, device=device)
        ids = own.expand(batch, -1)
        return Tokens(ids, torch.ones_like(ids, dtype=torch.bool))

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

    def _translations(
        self, ids: Tensor, probabilities: Tensor, search: Search
    ) -> list[Translation]:
        """``(n returned) l`` ids that were said, and their probabilities, to ``n`` translations."""
        said = zip(ids.tolist(), probabilities.tolist(), strict=True)
        found = [self._translation(one, worth) for one, worth in said]
        each = search.returned
        return [search.said(found[n : n + each]) for n in range(0, len(found), each)]

    # -- ids to vectors and back -------------------------------------------------------------

    @abstractmethod
    def embed(self, ids: Tensor) -> Tensor:
        """``... l`` ids to ``... l d``, as the model embeds them."""

    def read_text(self, texts: Iterable[str]) -> Sequence:
        """``b`` texts to ``b t d``, token by token as the model embeds its own; a text of no token
        is its end alone."""
        ids = [self._ids(text=text) or [self.tokenizer.eos_token_id] for text in texts]
        device = self.model.get_input_embeddings().weight.device
        together = torch.tensor([one for text in ids for one in text], device=device)  # (n)
        steps = self.embed(together).split([len(text) for text in ids])  # each (t, d)
        return Sequence.pad(steps, [torch.nan] * len(ids)).to(device)

    @torch.no_grad()
    def nearest_words(self, steps: Tensor) -> list[str]:
        """``n d`` to ``n`` words: of each step, the piece whose embedding is nearest by Euclidean
        distance (the visual tokens of SpaMo, arXiv:2408.10593). No words are special tokens,
        blanks, and pieces of a character."""
        ids, words = self._words
        weight = self.model.get_input_embeddings().weight
        steps = steps.to(weight.device, torch.float32)
        at_once = max(1, _DISTANCES_AT_ONCE // max(steps.shape))
        least = steps.new_full((len(steps),), torch.inf)
        nearest = torch.zeros(len(steps), dtype=torch.long, device=steps.device)
        for start in range(0, len(ids), at_once):
            some = self.embed(ids[start : start + at_once].to(weight.device)).float()  # (v, d)
            # |s - e|^2 without |s|^2, which is the same for all
            distances = some.square().sum(1) - 2 * steps @ some.T  # (n, v)
            here, place = distances.min(1)
            nearest = torch.where(here < least, start + place, nearest)
            least = torch.minimum(least, here)
        return [words[place] for place in nearest.tolist()]

    @cached_property
    def _words(self) -> tuple[Tensor, list[str]]:
        """The ids ``v`` of pieces that are text by themselves, and the texts."""
        last = self.model.get_input_embeddings().num_embeddings
        ids = [n for n in sorted(self.tokenizer.get_vocab().values()) if n < last]
        ids = [n for n in ids if n not in self._special]
        said = self.tokenizer.batch_decode([[n] for n in ids], clean_up_tokenization_spaces=False)
        kept = [(n, text.strip()) for n, text in zip(ids, said, strict=True)]
        kept = [(n, text) for n, text in kept if text and _UNREADABLE not in text]
        return torch.tensor([n for n, _ in kept]), [text for _, text in kept]

    # -- search ------------------------------------------------------------------------------

    def _search(self, **known: Any) -> Tensor:
        """Ids ``n l``, what was given as ids included."""
        try:
            with pretrained.quiet():
                return self.model.generate(**known)
        except ValueError as error:  # of a setting that only shows when it is used
            raise UserError(f"{self.where}: generation: {error}") from error

    def _probabilities(self, ids: Tensor, given: int, *known: Tensor) -> Tensor:
        """P(id | ids before it) of all but the first ``given`` ids, one teacher-forced pass, of so
        many rows at once that their logits can be held."""
        new = ids.shape[1] - given
        vocabulary = self.model.config.get_text_config(decoder=True).vocab_size
        at_once = max(1, _LOGITS_AT_ONCE // (ids.shape[1] * vocabulary))
        found = []
        for start in range(0, len(ids), at_once):
            some = slice(start, start + at_once)
            logits = self._logits(ids[some, :-1], *(one[some] for one in known))
            logits = logits[:, -new:].float()  # (n, l, v)
            chosen = logits.gather(-1, ids[some, given:, None]).squeeze(-1)  # (n, l)
            found.append((chosen - logits.logsumexp(-1)).exp())
        return torch.cat(found)

    @abstractmethod
    def _logits(self, ids: Tensor, *known: Tensor) -> Tensor:
        """Logits ``n l v``, the last of what follows the last id; ``known`` is what the model is
        given beside the ids."""


def valid_first(values: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """``b l d`` and its mask ``b l``: the valid steps of each sample first, zeros behind."""
    return _sorted(values, mask, mask)


def valid_last(values: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """``b l d`` and its mask ``b l``: the valid steps of each sample last, zeros before."""
    return _sorted(values, mask, ~mask)


def _sorted(values: Tensor, mask: Tensor, first: Tensor) -> tuple[Tensor, Tensor]:
    order = first.long().argsort(dim=1, descending=True, stable=True)  # (b, l)
    places = order + torch.arange(len(order), device=order.device)[:, None] * order.shape[1]
    packed = values.flatten(0, 1).index_select(0, places.flatten()).view_as(values)
    mask = mask.gather(1, order)
    return packed.masked_fill(~mask[..., None], 0), mask
