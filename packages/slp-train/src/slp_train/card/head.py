"""The YAML head of a card, by which the hub finds, lists and compares models."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slp_core.recipe import Recipe
from slp_train.card.data import Split, language_of, sign_languages_of
from slp_train.card.facts import CODE, Facts
from slp_train.evaluation.scores import Evaluation
from slp_train.report.artefacts import Run

if TYPE_CHECKING:
    from huggingface_hub import EvalResult

#: Licences that the hub knows by these names, of those that data and weights come under.
LICENCES = frozenset(
    {
        *("apache-2.0", "mit", "bsd-2-clause", "bsd-3-clause", "mpl-2.0", "gpl-3.0", "lgpl-3.0"),
        *("agpl-3.0", "cc0-1.0", "cc-by-3.0", "cc-by-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0"),
        *("cc-by-nc-2.0", "cc-by-nc-3.0", "cc-by-nc-4.0", "cc-by-nd-4.0", "cc-by-nc-nd-3.0"),
        *("cc-by-nc-nd-4.0", "cc-by-nc-sa-2.0", "cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0"),
        *("cdla-permissive-2.0", "odbl", "odc-by", "openrail", "llama2", "llama3", "gemma"),
    }
)
_REPO = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


def head(run: Run, facts: Facts, splits: Sequence[Split]) -> str:
    """The head, between its lines of hyphens. What is not known is left out of it."""
    from huggingface_hub import ModelCardData

    assert run.recipe is not None
    codes = [*sign_languages_of(facts, splits), language_of(run.recipe, splits)]
    results = [] if run.evaluation is None else _results(run.evaluation, _data(run.recipe))
    licence = _licence(facts)
    card = ModelCardData(
        language=[code for code in codes if CODE.fullmatch(code)] or None,
        library_name="slp-core",
        pipeline_tag="translation",
        tags=["sign-language", "sign-language-translation"],
        base_model=sorted(set(_checkpoints(run.recipe))) or None,
        metrics=sorted({result.metric_type for result in results}) or None,
        model_name=(facts.title or run.name) if results else None,
        eval_results=results or None,
        license=licence.get("license"),
        license_name=licence.get("license_name"),
        license_link=licence.get("license_link"),
    )
    return f"---\n{card.to_yaml()}\n---"


def _results(scored: Evaluation, data: str) -> list[EvalResult]:
    from huggingface_hub import EvalResult

    return [
        EvalResult(
            task_type="translation",
            task_name="sign language translation",
            dataset_type=re.sub(r"[^\w.-]+", "-", data),
            dataset_name=data,
            dataset_split=scored.split,
            metric_type=_metric(score.name),
            metric_name=score.name,
            metric_value=round(score.value, 2),
            metric_args={"signature": score.signature},
        )
        for score in scored.whole.scores.values()
    ]


def _metric(name: str) -> str:
    """``BLEU-4`` as the hub calls it, which knows no orders: "bleu"."""
    plain = name.lower()
    families = (one for one in ("bleu", "chrf", "rouge", "ter", "wer") if plain.startswith(one))
    return next(families, re.sub(r"[^a-z0-9]+", "_", plain))


def _licence(facts: Facts) -> dict[str, str]:
    if not facts.licence:
        return {}
    if facts.licence in LICENCES:
        return {"license": facts.licence}
    named = {"license": "other", "license_name": re.sub(r"[^\w.-]+", "-", facts.licence.lower())}
    return named | ({"license_link": facts.licence_link} if facts.licence_link else {})


def _data(recipe: Recipe) -> str:
    """What the data is called: by its corpus, else by the folder of its manifests."""
    if recipe.data.corpus is not None:
        return recipe.data.corpus.name
    file = recipe.data.path("test") or recipe.data.path("train")
    return (file.absolute().parent.name if file else "") or recipe.header.name


def _checkpoints(recipe: Recipe) -> Iterator[str]:
    """The published networks that its parts begin with, by their names on the hub."""
    waiting: list[Any] = [
        recipe.source.table.get(key) for key in ("streams", "fusion", "mapper", "decoder")
    ]
    while waiting:
        table = waiting.pop()
        if isinstance(table, Mapping):
            waiting += table.values()
            name = table.get("model")
            if isinstance(name, str) and _REPO.fullmatch(name) and not Path(name).exists():
                yield name
