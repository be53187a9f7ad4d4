"""Corpora: from official files to manifests. Without the files, only the refusal can be tried."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from slp_core.corpus import Corpus
from slp_core.errors import UserError
from slp_core.keys import fields
from slp_core.manifest import read_manifest
from slp_core.spec import ComponentSpec
from slp_core.testing.configuration import problems_of
from slp_core.testing.findings import Findings
from slp_core.testing.trial import Trial

SPLITS = {"train", "validation", "test"}


def examine(spec: ComponentSpec, config: Any, trial: Trial, folder: Path, found: Findings) -> None:
    """Hold a corpus to its manifests, the same each time, and to refusing what is not there."""
    with found.trying("refusal"):
        _refusal(spec, trial, folder, found)
    if not spec.trial:
        found.not_tried("its manifests: the official files are not here")
        return
    with found.trying("make"):
        one, other = (_make(spec, config, folder / name, found) for name in ("one", "two"))
        if one != other:
            found.fault("seed", "made twice, its manifests differ; draw from a seed of its keys")


def _make(spec: ComponentSpec, config: Any, folder: Path, found: Findings) -> dict[str, list[Any]]:
    """The rows of every split."""
    corpus = spec.load()(config)
    if not isinstance(corpus, Corpus):
        found.fault("factory", f"makes a {type(corpus).__name__}; derive it from slp_core.Corpus")
        return {}
    folder.mkdir()
    files = corpus.make(folder)
    if strange := set(files) - SPLITS:
        found.fault("make", f"gives {', '.join(sorted(strange))}; {', '.join(sorted(SPLITS))}")
    return {split: [row.fields for row in read_manifest(file)] for split, file in files.items()}


def _refusal(spec: ComponentSpec, trial: Trial, folder: Path, found: Findings) -> None:
    if "source" not in fields(spec.config):
        return
    absent = str(folder / "absent")
    config, _ = problems_of(spec.config, {**trial.config, "source": absent})
    if config is None:
        return
    target = folder / "nothing"
    target.mkdir()
    try:
        spec.load()(config).make(target)
    except UserError as error:
        if "absent" not in str(error):
            found.fault("refusal", f"of a source that is not there does not name it: {error}")
    else:
        found.fault("refusal", "a source that is not there is taken; raise UserError")
