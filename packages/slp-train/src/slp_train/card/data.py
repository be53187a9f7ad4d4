"""What is known of a run's data: by its provenance, its recipe, its corpus and its author."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import asdict, evolve, field, frozen

from slp_core.check import configured
from slp_core.errors import UserError
from slp_core.recipe import Recipe
from slp_core.spec import DataFacts
from slp_train.card.facts import Facts, read_facts


@frozen
class Split:
    """One split. What is None or empty, its manifest does not say."""

    name: str
    rows: int
    file: str
    sha256: str
    signers: int | None
    new_signers: int | None  #: of these, who do not sign in training
    sign_languages: tuple[str, ...]
    languages: tuple[str, ...]  #: translated into


@frozen
class Corpus:
    """A corpus by its name in recipes. What its package does not say is empty."""

    name: str
    summary: str = ""
    paper: str = ""
    facts: DataFacts = field(factory=DataFacts)


def splits_of(provenance: Mapping[str, Any]) -> list[Split]:
    """The splits that a run was made and scored with."""
    return [
        Split(
            name=name,
            rows=one["rows"],
            file=Path(one["file"]).name,
            sha256=one["sha256"],
            signers=one.get("signers"),
            new_signers=one.get("new_signers"),
            sign_languages=tuple(one.get("sign_languages", ())),
            languages=tuple(one.get("languages", ())),
        )
        for name, one in provenance.get("data", {}).items()
    ]


def sign_languages_of(facts: Facts, splits: Sequence[Split]) -> list[str]:
    """What the author says, else what the manifests' column ``sign_language`` does."""
    return facts.sign_languages or sorted({one for split in splits for one in split.sign_languages})


def language_of(recipe: Recipe, splits: Sequence[Split]) -> str:
    """What is translated into: as the recipe says, else the one that all rows name; or ""."""
    written = {one for split in splits for one in split.languages}
    return recipe.data.language or (written.pop() if len(written) == 1 else "")


def corpus_of(recipe: Recipe) -> Corpus | None:
    """The corpus that the recipe makes or imports, with what its package says of it."""
    use = recipe.data.corpus
    if use is None:
        return None
    try:
        _, spec, _ = configured("corpus", use)
    except UserError:  # it is not installed here; a card can be written without
        return Corpus(use.name)
    return Corpus(use.name, spec.summary, spec.paper, spec.facts)


def facts_of(folder: Path, recipe: Recipe) -> Facts:
    """What the author says in ``card.toml``; where that is silent, what the corpus's package does.

    Raises:
        UserError: ``card.toml`` is not as expected.
    """
    facts, corpus = read_facts(folder), corpus_of(recipe)
    told = {} if corpus is None else asdict(corpus.facts)
    return evolve(facts, **{key: said for key, said in told.items() if not getattr(facts, key)})
