"""Building, running, saving and opening a pipeline of toy parts; reading its data."""

from __future__ import annotations

import errno
import shutil

import pytest
import torch
from attrs import evolve

from slp_core.batch import collate
from slp_core.build import build, build_objectives
from slp_core.confidence import Calibration
from slp_core.dataset import SampleDataset, SignalCache, refuse_bad
from slp_core.errors import UserError
from slp_core.manifest import read_manifest
from slp_core.pipeline import Pipeline
from slp_core.recipe_file import parse_recipe
from slp_core.weights import save_apart


@pytest.fixture
def pipeline(toy, recipe_text, toy_data) -> Pipeline:
    return build(parse_recipe(recipe_text), train=read_manifest(toy_data))


def dataset(pipeline, toy_data, **options) -> SampleDataset:
    made = SampleDataset(read_manifest(toy_data), pipeline, **options)
    assert made.probe() == []
    return made


def test_the_datas_way(pipeline, toy_data):
    samples = dataset(pipeline, toy_data)
    assert samples.lengths == [3, 2, 1]
    batch = collate([samples[n] for n in range(3)])
    trace = pipeline(batch)
    assert trace["streams.hands.mapper"] is trace.last
    assert trace.last.values.shape == (3, 3, 4)
    assert trace.last.lengths.tolist() == [3, 2, 1]
    assert [t.text for t in pipeline.generate(batch)] == ["3 steps", "2 steps", "1 steps"]


TEACHER = """
[streams.teacher]
signal = "lesson"
processor = "toy"
encoder = { use = "toy" }
[streams.learner]
from = "teacher"
mapper = { use = "toy-linear", dim = 4 }
[fusion]
use = "toy-join"
streams = ["hands"]
[decoder]
"""


def test_a_stream_for_objectives_alone_is_not_read_for_translating(toy, recipe_text, toy_data):
    plain = toy_data.read_text()
    head, *lines = plain.splitlines()
    toy_data.write_text("\n".join([f"{head}\tlesson", *(f"{line}\ta.txt" for line in lines)]))
    text = recipe_text.replace("[decoder]\n", TEACHER, 1)
    taught = build(parse_recipe(text), train=read_manifest(toy_data))
    assert taught.recipe.heard == ["hands"] and taught.recipe.signals == ["toy"]
    samples = dataset(taught, toy_data)
    trace = taught(collate([samples[n] for n in range(3)]))
    assert trace["streams.learner.mapper"].lengths.tolist() == [3, 3, 3]
    assert trace.last.lengths.tolist() == [3, 2, 1]
    assert taught.translate(toy_data.parent / "b.txt").text == "2 steps"
    toy_data.write_text(plain)  # without the column
    with pytest.raises(UserError, match="lesson"):
        dataset(taught, toy_data)
    unseen = dataset(taught, toy_data, reader=taught.reader.only(taught.recipe.heard))
    trace = taught(collate([unseen[1]]))
    assert not [path for path in trace.outputs if "teacher" in path or "learner" in path]


@pytest.mark.parametrize(
    ("wanted", "run", "steps"),
    [
        (None, ["hands.encoder", "hands.mapper", "learner.mapper", "teacher.encoder"], [3, 2, 1]),
        (["decoder"], ["hands.encoder", "hands.mapper"], [3, 2, 1]),
        (["streams.learner.mapper"], ["learner.mapper", "teacher.encoder"], [0, 0, 0]),
        (["streams.teacher.encoder"], ["teacher.encoder"], [0, 0, 0]),
        ([], [], [0, 0, 0]),
    ],
)
def test_only_what_leads_to_the_wanted_parts_is_run(toy, recipe_text, toy_data, wanted, run, steps):
    head, *lines = toy_data.read_text().splitlines()
    toy_data.write_text("\n".join([f"{head}\tlesson", *(f"{line}\ta.txt" for line in lines)]))
    text = recipe_text.replace("[decoder]\n", TEACHER, 1)
    taught = build(parse_recipe(text), train=read_manifest(toy_data))
    samples = dataset(taught, toy_data)
    trace = taught(collate([samples[n] for n in range(3)]), wanted)
    ours = [path for path in trace.outputs if path.startswith("streams.")]
    assert sorted(path.removeprefix("streams.") for path in ours) == run
    assert ("fusion" in trace.outputs) == (steps != [0, 0, 0])
    assert trace.last.lengths.tolist() == steps


def test_saved_and_opened_again_it_is_the_same(pipeline, toy_data, tmp_path):
    pipeline.save(tmp_path / "saved")
    opened = Pipeline.from_pretrained(tmp_path / "saved")
    batch = collate([dataset(pipeline, toy_data)[0]])
    assert torch.equal(pipeline(batch).last.values, opened(batch).last.values)
    assert opened.decoder.heard == ["drei", "eins", "zwei"]
    assert opened.translate(toy_data.parent / "b.txt").text == "2 steps"


def test_what_is_saved_apart_opens_too(pipeline, toy_data, tmp_path):
    for parameter in pipeline.decoder.parameters():
        parameter.requires_grad_(False)
    pipeline.save(tmp_path / "saved", save_apart)
    opened = Pipeline.from_pretrained(tmp_path / "saved")
    ours, theirs = pipeline.state_dict(), opened.state_dict()
    assert ours.keys() == theirs.keys() and all(torch.equal(ours[x], theirs[x]) for x in ours)
    (tmp_path / "saved" / "frozen.safetensors").unlink()
    with pytest.raises(UserError, match=r"decoder\.\S+ missing; .* in frozen\.safetensors"):
        Pipeline.from_pretrained(tmp_path / "saved")


def test_a_file_that_cannot_be_translated_is_named_alone(pipeline, tmp_path):
    with pytest.raises(UserError, match=r"^toy: cannot be read: .*absent\.txt"):
        pipeline.translate(tmp_path / "absent.txt")


def test_weights_are_loaded_strictly(pipeline, tmp_path):
    from safetensors.torch import load_file, save_file

    pipeline.save(tmp_path / "saved")
    file = tmp_path / "saved" / "model.safetensors"
    weights = load_file(file)
    save_file({k: v for k, v in weights.items() if "bias" not in k}, file)
    with pytest.raises(UserError, match="does not fit this pipeline"):
        Pipeline.from_pretrained(tmp_path / "saved")
    save_file({**weights, "stray": torch.zeros(1)}, file)
    with pytest.raises(UserError, match="stray"):
        Pipeline.from_pretrained(tmp_path / "saved")


def test_what_of_a_saved_pipeline_is_damaged_is_named(pipeline, toy, tmp_path, monkeypatch):
    """Whatever a library makes of such files; without them, a fault stays one of ours."""
    pipeline.save(tmp_path / "saved")
    card = tmp_path / "saved" / "README.md"
    card.write_bytes(b"caf\xe9")
    with pytest.raises(UserError, match=r"README\.md: not UTF-8 at byte 3"):
        Pipeline.from_pretrained(tmp_path / "saved")
    card.unlink()

    def fail(*_):
        raise error

    monkeypatch.setattr(type(pipeline.decoder), "__init__", fail)
    error = KeyError("added_tokens")
    with pytest.raises(UserError, match=r"assets/decoder: nothing .* \(KeyError: 'added_tokens'\)"):
        Pipeline.from_pretrained(tmp_path / "saved")
    for error in (UserError("decoder: it wants more"), MemoryError("too little")):
        with pytest.raises(type(error), match=f"^{error}$"):
            Pipeline.from_pretrained(tmp_path / "saved")
    error = KeyError("added_tokens")
    shutil.rmtree(tmp_path / "saved" / "assets" / "decoder")
    with pytest.raises(KeyError, match="added_tokens"):
        Pipeline.from_pretrained(tmp_path / "saved")
    with pytest.raises(KeyError, match="added_tokens"):
        build(pipeline.plan)


def test_a_pipeline_takes_the_place_of_nothing_else(pipeline, tmp_path):
    thesis = tmp_path / "work" / "thesis.txt"
    thesis.parent.mkdir()
    thesis.write_text("all of it")
    (tmp_path / "work" / "recipe.toml").touch()
    for place in (thesis, thesis.parent):
        with pytest.raises(UserError, match="something else than a saved pipeline"):
            pipeline.save(place)
    assert thesis.read_text() == "all of it"
    (tmp_path / "empty").mkdir()
    pipeline.save(tmp_path / "empty")
    for file in ("model.safetensors", "parts.json"):
        (tmp_path / "empty" / file).unlink()  # half a pipeline is still one
        pipeline.save(tmp_path / "empty")


def test_a_failed_save_leaves_the_earlier_one(pipeline, tmp_path, monkeypatch):
    pipeline.save(tmp_path / "saved")
    before = (tmp_path / "saved" / "model.safetensors").read_bytes()

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr("slp_core.weights.save_model", fail)
    with pytest.raises(OSError, match="disk full"):
        pipeline.save(tmp_path / "saved")
    assert (tmp_path / "saved" / "model.safetensors").read_bytes() == before
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


def test_one_parts_seed_does_not_move_anothers(toy, recipe_text, toy_data, pipeline):
    text = recipe_text.replace("[decoder]", '[mapper]\nuse = "toy-linear"\n[decoder]')
    longer = build(
        parse_recipe(
            text.replace(
                'mapper = { use = "toy-linear" }\n', 'mapper = { use = "toy-linear", dim = 4 }\n', 1
            )
        ),
        train=read_manifest(toy_data),
    )
    ours = pipeline.part("streams.hands.mapper").linear.weight
    assert torch.equal(ours, longer.part("streams.hands.mapper").linear.weight)
    assert not torch.equal(
        longer.part("mapper").linear.bias, longer.part("streams.hands.mapper").linear.bias
    )


def test_select_means_what_it_says(pipeline):
    assert set(pipeline.select(["streams.*.mapper"])) == {
        "streams.hands.mapper.linear.weight",
        "streams.hands.mapper.linear.bias",
    }
    assert set(pipeline.select(["decoder.head"])) == {"decoder.head.weight", "decoder.head.bias"}
    with pytest.raises(UserError, match='"decoder.lora" has no parameters'):
        pipeline.select(["decoder.lora"])


def test_objectives_know_what_they_look_at(pipeline, toy_data):
    stage = pipeline.recipe.stages[0]
    objectives = build_objectives(pipeline.plan, stage, pipeline)
    assert list(objectives) == ["toy-loss"]
    assert (objectives["toy-loss"].on, objectives["toy-loss"].target) == ("decoder", "text")


def test_labels_are_of_the_target_text(pipeline, toy_data):
    samples = dataset(pipeline, toy_data)
    assert [samples[n].tokens["decoder.labels"] for n in range(3)] == [[4], [4], [4]]
    toy_data.write_text("id\ttoy\ttext\na\ta.txt\tlonger\n")
    assert dataset(pipeline, toy_data)[0].tokens == {"decoder.labels": [6]}


def test_every_bad_row_is_listed_by_file_row_and_reason(pipeline, toy_data):
    toy_data.write_text(
        "id\ttoy\ttext\na\ta.txt\teins\nx\tabsent.txt\tzwei\ny\tb.txt\t \nz\t\tdrei\n"
    )
    made = SampleDataset(read_manifest(toy_data), pipeline)
    bad = made.probe()
    assert [row.id for row in made.rows] == ["a"] and made.lengths == [3]
    with pytest.raises(UserError) as caught:
        refuse_bad(bad, "train", skip=False)
    said = str(caught.value)
    assert f"{toy_data}:3: toy: cannot be read" in said
    assert f"{toy_data}:4: the target `text` is empty" in said
    assert f"{toy_data}:5: toy: the field is empty" in said
    refuse_bad(bad, "train", skip=True)


def test_what_the_system_refuses_to_open_is_a_bad_row_too(pipeline, toy_data):
    """A name can be too long to be looked for."""
    name = "a" * 300 + ".txt"
    toy_data.write_text(f"id\ttoy\ttext\na\ta.txt\teins\nx\t{name}\tzwei\n")
    made = SampleDataset(read_manifest(toy_data), pipeline)
    (bad,) = made.probe()
    assert str(bad).startswith(f"{toy_data}:3: toy: cannot be read: ") and name in str(bad)


def test_a_processors_error_of_the_system_is_of_its_row(pipeline, toy_data, monkeypatch):
    def fail(clip):
        raise OSError(number, "no", clip.source)

    samples = dataset(pipeline, toy_data)
    monkeypatch.setattr(pipeline.processors["streams.hands.processor"], "read", fail)
    number = errno.EACCES
    with pytest.raises(UserError, match=rf"^{toy_data}:2: toy: cannot be read: .* no: .*a\.txt"):
        samples.reader.read(samples.rows[0])
    number = errno.ENOSPC  # what estimates poses writes, and a full disk is no row's fault
    with pytest.raises(OSError, match="no"):
        samples.reader.read(samples.rows[0])


def test_an_edited_clip_is_read_again(pipeline, toy_data):
    samples = dataset(pipeline, toy_data)
    assert len(samples[0].signals["hands"].values) == 3
    (toy_data.parent / "a.txt").write_text("1 2 3 4 5")
    assert len(samples[0].signals["hands"].values) == 5


def test_augmentation_depends_on_seed_epoch_and_index_only(pipeline, toy_data):
    def draw(seed, epoch, index):
        made = dataset(pipeline, toy_data, training=True, seed=seed)
        made.set_epoch(epoch)
        return made[index].signals["hands"].values.tolist()

    assert draw(0, 0, 0) == draw(0, 0, 0)
    assert draw(0, 0, 0) != draw(0, 1, 0) != draw(1, 1, 0)


def test_the_cache_keeps_within_its_budget(pipeline, toy_data):
    rows = read_manifest(toy_data).rows
    cache = SignalCache(gib=40 / 2**30)
    for row in rows:
        cache.read(pipeline.reader, row)
    assert cache.used <= 40
    assert cache.read(pipeline.reader, rows[0])["hands"].values.shape == (3, 3)


def test_a_row_without_a_target_is_read_for_translation(pipeline, toy_data):
    toy_data.write_text("id\ttoy\na\ta.txt\n")
    made = SampleDataset(read_manifest(toy_data), pipeline, with_target=False)
    assert made.probe() == [] and made[0].tokens == {}


CALIBRATION = Calibration((0.5, 1.0), (0.2, 0.6), "chrF", "validation", 50, {"num_beams": 4})
DOUBTFUL = """
from slp_core.hooks import hookimpl
from slp_core.parts import Note
@hookimpl
def slp_after_translation(pipeline, translations):
    said = [one.text for one in translations]
    return [[Note("steps", f"{text}?", "more")] if text[0] > "1" else [] for text in said]
"""


def test_what_is_expected_goes_with_the_weights_and_the_settings(pipeline, toy_data, tmp_path):
    batch = collate([dataset(pipeline, toy_data)[0]])
    assert [one.expected for one in pipeline.generate(batch, num_beams=4)] == [None]
    pipeline.calibration = CALIBRATION
    pipeline.save(tmp_path / "saved")
    opened = Pipeline.from_pretrained(tmp_path / "saved")
    assert opened.calibration == CALIBRATION
    assert [one.expected for one in opened.generate(batch, num_beams=4)] == [0.6]
    assert [one.expected for one in opened.generate(batch, num_beams=1)] == [None]
    opened.load_weights(tmp_path / "saved")
    assert opened.calibration is None
    opened.save(tmp_path / "saved")
    assert Pipeline.from_pretrained(tmp_path / "saved").calibration is None


def test_a_file_is_decoded_as_the_evaluation_is(toy, recipe_text, toy_data, monkeypatch):
    settings = "\n[evaluation]\ngeneration = { num_beams = 4, max_new_tokens = 9 }\n"
    pipeline = build(parse_recipe(recipe_text + settings), train=read_manifest(toy_data))
    pipeline.calibration = evolve(CALIBRATION, generation={"num_beams": 4, "max_new_tokens": 9})
    given = []
    say = pipeline.decoder.generate
    monkeypatch.setattr(
        pipeline.decoder, "generate", lambda *a, **o: given.append(o) or say(*a, **o)
    )
    assert pipeline.translate(toy_data.parent / "b.txt").expected == 0.6
    assert pipeline.translate(toy_data.parent / "b.txt", num_beams=1).expected is None
    assert given == [{"num_beams": beams, "max_new_tokens": 9} for beams in (4, 1)]


def test_plugins_note_what_they_find(toy, pipeline, toy_data):
    toy("doubtful", "[slp.hooks]\ndoubtful = doubtful_plugin\n", doubtful_plugin=DOUBTFUL)
    samples = dataset(pipeline, toy_data)
    said = pipeline.generate(collate([samples[n] for n in range(3)]))
    assert [one.text for one in said] == ["3 steps", "2 steps", "1 steps"]
    notes = [[(note.about, note.message, note.offer) for note in one.notes] for one in said]
    assert notes == [[("steps", f"{n} steps?", "more")] for n in (3, 2)] + [[]]
