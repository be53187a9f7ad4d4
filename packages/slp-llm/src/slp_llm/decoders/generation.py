"""What is asked of a search: the caller's options, the recipe, the checkpoint, in this order."""

from __future__ import annotations

import copy
from typing import Any

from attrs import asdict, evolve, frozen

from slp_core.errors import UserError, did_you_mean
from slp_core.parts import Translation
from slp_llm.decoders.config import Generation
from slp_llm.decoders.minimum_risk import by_risk
from slp_llm.decoders.pretrained import quiet

#: Hugging Face settings a caller may give beside those of a recipe.
OPTIONS = (
    "do_sample", "temperature", "top_k", "top_p", "min_p", "typical_p", "epsilon_cutoff",
    "eta_cutoff", "min_new_tokens", "bad_words_ids", "suppress_tokens", "begin_suppress_tokens",
    "exponential_decay_length_penalty", "renormalize_logits", "max_time",
)  # fmt: skip


@frozen(eq=False)
class Search:
    """How to search, and what to say of all that is found."""

    config: Any  #: Hugging Face's GenerationConfig
    alternatives: int  #: that are told beside the best, at most
    mbr: float | None  #: as in :class:`Generation`

    @property
    def returned(self) -> int:
        """How many texts the search gives for each sample."""
        return int(self.config.num_return_sequences)

    def said(self, found: list[Translation]) -> Translation:
        """The best of what was found of a sample, with its alternatives."""
        best = Translation.best(found)
        if self.mbr is not None:
            texts = [evolve(best, alternatives=()), *best.alternatives]
            best = Translation.best(by_risk(texts, self.mbr))
        return evolve(best, alternatives=best.alternatives[: self.alternatives])


def settings(
    checkpoint: Any, recipe: Generation, options: dict[str, Any], where: str, alternatives: int = 0
) -> Search:
    """A search by ``options`` over ``recipe`` over ``checkpoint``, except that nothing is sampled
    unless ``options`` say so, whatever the checkpoint says. It returns as many of its beams beside
    the best as there are to be ``alternatives``, or all.

    Raises:
        UserError: an option is unknown, has a bad value, or would have no effect.
    """
    from transformers import GenerationConfig

    own, options = asdict(recipe), {"do_sample": False, **options}
    for name in options:
        if name not in own and name not in OPTIONS:
            hint = did_you_mean(name, [*own, *OPTIONS])
            raise UserError(f"{where}: {name} is no generation option{hint}")
    try:
        recipe = evolve(recipe, **{name: value for name, value in options.items() if name in own})
        hugging_face = {name: value for name, value in options.items() if name != "mbr"}
        asked = GenerationConfig(**{"num_beams": recipe.num_beams, **hugging_face})
        asked.validate(strict=True)
        if "mbr" in options and recipe.num_beams == 1:
            raise ValueError("mbr has no effect with num_beams = 1")
    except (ValueError, TypeError) as error:
        raise UserError(f"{where}: generation: {error.args[0]}") from error
    written = {name: value for name, value in asdict(recipe).items() if value is not None}
    mbr = written.pop("mbr", None)
    merged = copy.deepcopy(checkpoint)
    with quiet():
        merged.update(**written, **{n: value for n, value in options.items() if n not in own})
    wanted = merged.num_beams if mbr is not None else 1 + alternatives
    merged.num_return_sequences = min(wanted, merged.num_beams)
    return Search(merged, alternatives, mbr)
