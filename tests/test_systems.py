"""The options that the pages of systems name are there, one by one and all at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from slp_core.check import check
from slp_core.recipe_file import load_recipe

OPTIONS = {
    "spamo-phoenix14t": [
        'decoder.examples.template="{text_en}={text}"',
        "decoder.examples.count=2",
        'streams.motion.encoder.pool="first-token"',
        "stages.0.objectives.0.unmasked_mean=true",
        "stages.1.objectives.1.unmasked_mean=true",
        "mapper.unmasked=true",
        "stages.0.objectives.0.ignore_duplicates=false",
        "stages.1.objectives.1.ignore_duplicates=false",
        "stages.1.objectives.1.temperature=0.1",
        "stages.1.objectives.1.learn_temperature=false",
        "streams.spatial.mapper.max_steps=512",
        'fusion.streams=["motion"]',
        "mapper.tcn=false",
        "evaluation.generation={ do_sample = true, top_p = 0.9 }",
        "stages.1.objectives.1.weight=0.1",
        "stages.0.steps=1",
        "stages.1.trainer.learning_rate=6e-4",
        "stages.1.batch_samples=8",
        "stages.1.epochs=500",
        "stages.1.patience=50",
        "evaluation.metrics.0={ use = 'bleu', lowercase = true }",
        "evaluation.metrics.4={ use = 'rouge-l-google', stemmer = true }",
    ],
    "signllm-phoenix14t": [
        "streams.sign.encoder.dim=512",
        "stages.0.objectives.0.negatives=20",
        'stages.0.objectives.0.negatives_from="batch"',
        "stages.0.objectives.0.negatives_weight=0.25",
        "stages.0.objectives.0.codebook=2.0",
        "stages.0.objectives.0.commitment=0.5",
        "streams.sign.tokenizer.kmeans_init=false",
        "streams.sign.tokenizer.restart=0.0",
        "streams.sign.mapper.candidates=30000",
        "streams.sign.mapper.longest=4",
        "streams.sign.mapper.min_count=2",
        "streams.sign.mapper.relaxation=inf",
        "streams.sign.mapper.regularisation=0.1",
        "streams.sign.mapper.step=64",
        "streams.sign.mapper.size=1024",
        "streams.sign.mapper.per_character=true",
        "streams.sign.mapper.keep=0.001",
        'streams.sign.mapper.embed="gru"',
        "stages.2.objectives.2.widths=[1.0]",
        "stages.2.objectives.2.sigma=1.0",
        "stages.2.objectives.2.max_tokens=512",
        'decoder.prompt="Sage auf Deutsch: {signs}"',
        "decoder.generation.num_beams=1",
        'decoder.quantize="4bit"',
        "stages.2.trainer.learning_rate=1e-4",
    ],
    "signbind-how2sign": [
        'data.annotate.0={ use = "pseudo-gloss", rule = "stop-words", language = "en" }',
        'data.annotate.1={ use = "letters", rule = "capitals" }',
        'streams.frames.encoder.model="facebook/dinov2-base"',
        'streams.signing.mapper.network="gru"',
        "streams.signing.mapper.layers=2",
        "streams.signing.mapper.dim=512",
        "streams.fingerspelling.mapper.window=7",
        "streams.signing.mapper.min_count=5",
        "streams.mouths.encoder.downsample=4",
        "fusion.route.temperature=2.0",
        "fusion.route.final=0.5",
        "fusion.route.steps=1000",
        'fusion.gate.per="step"',
        'fusion.gate.on="both"',
        "decoder.first.beams=1",
        "decoder.noise.drop=0.0",
        'stages.3.objectives.0={ use = "route", on = "fusion", target = "spans" }',
        'decoder.then.prompt="{signs}"',
        "decoder.then.lora.rank=8",
    ],
}  # fmt: skip


@pytest.mark.parametrize(("name", "option"), [(n, o) for n, some in OPTIONS.items() for o in some])
def test_each_option(root: Path, name: str, option: str) -> None:
    check(load_recipe(root / f"recipes/{name}.toml", [option]))


@pytest.mark.parametrize("name", OPTIONS)
def test_all_options_at_once(root: Path, name: str) -> None:
    check(load_recipe(root / f"recipes/{name}.toml", OPTIONS[name]))


@pytest.mark.parametrize("name", OPTIONS)
def test_the_page_names_them(root: Path, name: str) -> None:
    page = (root / f"docs/systems/{name.partition('-')[0]}.md").read_text(encoding="utf-8")
    for option in OPTIONS[name]:
        *_, table, key = option.partition("=")[0].split(".")
        assert key in page or f".{table}`" in page, option
