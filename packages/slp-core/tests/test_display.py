"""Pipelines and translations as text and as HTML."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
import torch
from attrs import evolve

from slp_core.build import build
from slp_core.confidence import Calibration
from slp_core.display import describe
from slp_core.errors import MissingWeights, RecipeError, UserError
from slp_core.manifest import read_manifest
from slp_core.parts import Note, Translation
from slp_core.pipeline import Pipeline
from slp_core.recipe_file import parse_recipe

EVIL = "<script>alert('x')</script>&\""


class Read(HTMLParser):
    """Tags, and the text between them; every tag that is opened is closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text: list[str] = []
        self.open: list[str] = []
        self.feed(html)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.open.append(tag)
        assert all(name in ("style", "dir", "role", "aria-label", "colspan") for name, _ in attrs)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


@pytest.fixture
def pipeline(toy, recipe_text, toy_data) -> Pipeline:
    branch = '[streams.seen]\nfrom = "hands"\nmapper = { use = "toy-linear", dim = 4 }\n[decoder]\n'
    text = recipe_text.replace("[decoder]\n", branch, 1)
    text = text.replace('{ use = "toy-linear" }', '{ use = "toy-linear", dim = 3 }')
    text = text.replace('["streams.*.mapper", "decoder"]', '["streams.seen", "decoder.head"]')
    return build(parse_recipe(text), train=read_manifest(toy_data))


def test_what_every_part_has_and_stages_train(pipeline):
    rows = {one["path"]: one for one in describe(pipeline)["parts"]}
    assert list(rows) == list(pipeline.plan.nodes)
    for path in pipeline.parts:
        own = list(pipeline.part(path).parameters())
        assert rows[path]["parameters"] == sum(p.numel() for p in own)
    assert (
        rows["streams.seen.mapper"]["trained"] == rows["streams.seen.mapper"]["parameters"] == 16
    )  # 3 x 4 + 4
    assert rows["decoder"]["trained"] == rows["decoder"]["parameters"] == 25
    assert rows["streams.hands.processor"]["parameters"] == 0
    frozen = rows["streams.hands.mapper"]
    assert frozen["parameters"] == 12 and frozen["trained"] == 0
    (stage,) = describe(pipeline)["stages"]
    assert stage["trainable"] == 41 and stage["frozen"] == 12


def test_a_pipeline_is_shown_part_by_part(pipeline):
    text = repr(pipeline)
    assert text.splitlines()[0] == (
        "Pipeline toy: 53 parameters, not calibrated: translations have no expected quality"
    )
    assert [line.split()[0] for line in text.splitlines()[1:]] == list(pipeline.plan.nodes)
    pipeline.calibration = Calibration([0.1], [0.2], "chrF", "validation", 60, {})
    read = Read(pipeline._repr_html_())
    assert "53 parameters, calibrated on 60 translations of validation (chrF)" in read.text
    assert "stream hands" in read.text and "stream seen, from hands" in read.text
    assert "toy-parts 1.0" in read.text and "b t d=4 (rate of the clip / 4)" in read.text
    assert read.text.index("stream seen, from hands") < read.text.index("decoder")


def test_a_translation_is_shown_with_what_it_is_worth():
    said = Translation(
        "es schneit",
        0.9,
        transcripts={"streams.letters.mapper": "ANNA", "decoder.first": ""},
        expected=0.5,
        notes=(Note("names", "ANNA was spelled", "Anna"),),
        alternatives=(Translation("es regnet", 0.3),),
    )
    read = Read(said._repr_html_())
    together = " ".join(read.text)
    assert "es schneit" in read.text and "expected quality  0.50" in together
    assert "confidence  0.90" in together and "letters ANNA" in together
    assert "decoder first (nothing)" in together and "or (0.30) es regnet" in together
    assert "names ANNA was spelled (offered: Anna)" in together
    assert "width:50%" in said._repr_html_() and "width:90%" in said._repr_html_()
    assert repr(said) == "Translation(text='es schneit', confidence=0.9, expected=0.5)"


@pytest.mark.parametrize("confidence", [float("nan"), -1.0, 2.0, 0.0])
def test_whatever_the_confidence_the_bar_stays_in_its_box(confidence):
    html = Translation("", confidence)._repr_html_()
    assert "width:0%" in html or "width:100%" in html
    read = Read(html)
    assert "(nothing)" in read.text and "expected quality" not in " ".join(read.text)


def test_what_is_said_is_text_and_no_markup(pipeline):
    said = Translation(
        EVIL,
        0.5,
        transcripts={EVIL: EVIL},
        notes=(Note(EVIL, EVIL, EVIL),),
        alternatives=(Translation(EVIL, 0.1),),
    )
    pipeline.plan.recipe.streams[EVIL] = pipeline.plan.recipe.streams.pop("seen")
    node = pipeline.plan.nodes["streams.seen.mapper"]
    entry = evolve(node.entry, name=EVIL, distribution=EVIL)
    pipeline.plan.nodes[f"streams.{EVIL}.mapper"] = evolve(node, entry=entry)
    del pipeline.plan.nodes["streams.seen.mapper"]
    for html in (said._repr_html_(), pipeline._repr_html_()):
        read = Read(html)
        assert "script" not in read.tags and "".join(read.text).count(EVIL) >= 3


def test_nothing_is_fetched_from_elsewhere_and_colours_are_the_notebooks(pipeline):
    html = pipeline._repr_html_() + Translation("a", 0.5, expected=0.5)._repr_html_()
    assert "http" not in html and "url(" not in html and "<style" not in html
    assert "color:inherit" in html and "#fff" not in html and "#000" not in html


# -- the Python API ------------------------------------------------------------------------------


def test_a_recipe_is_built_in_one_call(toy, recipe_text, toy_data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "recipe.toml").write_text(recipe_text)
    built = Pipeline.from_recipe(
        "recipe.toml", ["streams.hands.processor.use=toy", "streams.hands.processor.width=5"]
    )
    ours = build(parse_recipe(recipe_text), train=read_manifest(toy_data))
    assert built.decoder.heard == ours.decoder.heard
    assert built.streams.hands.mapper.linear.weight.shape == (4, 5)
    assert torch.equal(built.decoder.head.weight, ours.decoder.head.weight)
    with pytest.raises(RecipeError, match="no mapper"):
        Pipeline.from_recipe("recipe.toml", ["streams.hands.mapper.use=absent"])
    with pytest.raises(UserError, match="there is no such recipe"):
        Pipeline.from_recipe("absent.toml")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ({"film": "b.txt"}, r'this pipeline reads toy, and there is nothing for toy: give {"toy"'),
        ({}, r'this pipeline reads toy, and there is nothing for toy: give {"toy": ...}'),
        (["b.txt"], "toy: a path is expected, list was given"),
        (None, "toy: a path is expected, NoneType was given"),
        ("absent.txt", r"toy: cannot be read: .*absent.txt"),
        ("", "toy: the field is empty"),
    ],
)
def test_what_cannot_be_translated_is_said(pipeline, source, said):
    with pytest.raises(UserError, match=f"^{said}"):
        pipeline.translate(source)


@pytest.mark.parametrize(
    "error", [UserError("a\nb"), RecipeError([]), MissingWeights("a", "key", "name", "fetch")]
)
def test_a_notebook_shows_the_message_without_our_traceback(error):
    assert error._render_traceback_() == [f"{type(error).__name__}: {error}"]
