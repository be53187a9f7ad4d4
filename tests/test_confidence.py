"""A run whose decoder learns sentences and hardly names, beside an expert that reads letters:
calibrated, evaluated, opened again and asked."""

from __future__ import annotations

import json

import numpy as np
import pytest

from slp_core.edits import edit_distance
from slp_core.manifest import read_manifest, write_manifest
from slp_core.pipeline import Pipeline
from slp_core.recipe_file import parse_recipe
from slp_train.evaluation import read_evaluation
from slp_train.run import RunResult, train

NAMES = ["ANNA", "EMIL", "HUGO", "OSKAR"]
EXPERT = "streams.letters.mapper"
RECIPE = """\
[recipe]
name = "names"

[data]
root = "{root}"
train = "train.tsv"
validation = "validation.tsv"
test = "test.tsv"

[streams.hand]
signal = "features.hand"
processor = {{ use = "features", width = 27, rate = 25.0 }}
encoder = {{ use = "features" }}

[streams.letters]
from = "hand"
mapper = {{ use = "ctc-expert", target = "letters", units = "char", network = "none", dim = 16 }}

[decoder]
use = "seq2seq"
scratch = {{ dim = 16, layers = 1, heads = 2, ffn = 16, vocabulary = {{ kind = "word" }} }}

[evaluation]
metrics = ["chrf"]
controls = false
generation = {{ num_beams = 1, max_new_tokens = 9 }}

[[stages]]
name = "letters"
train = ["streams.letters.mapper"]
objectives = [{{ use = "ctc", on = "streams.letters.mapper", target = "letters" }}]
steps = 100
batch_samples = 16
trainer = {{ learning_rate = 0.1, report_to = "none" }}

[[stages]]
name = "sentences"
train = ["decoder"]
objectives = [{{ use = "cross-entropy" }}]
steps = 60
batch_samples = 16
trainer = {{ learning_rate = 0.01, report_to = "none" }}
"""


def spell(name: str) -> np.ndarray:
    """Two frames a letter, and one without between them."""
    frames = [[26], *([ord(letter) - 65] * 2 + [26] for letter in name)]
    return np.eye(27, dtype="f")[[one for letter in frames for one in letter]]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    home = tmp_path_factory.mktemp("names")
    for split in ("train", "validation", "test"):
        for name in NAMES:
            np.save(home / f"{split}.{name}.npy", spell(name))
        rows = [
            [f"{split}-{n}", f"{split}.{name}.npy", name, f"a high called {name.lower()} comes ."]
            for n, name in enumerate(NAMES * 15)
        ]
        write_manifest(home / f"{split}.tsv", ["id", "features.hand", "letters", "text"], rows)
    result = train(parse_recipe(RECIPE.format(root=home)), home / "run")
    assert result is not None
    return result


def test_the_run_is_calibrated_and_told_what_that_is_worth(run: RunResult) -> None:
    written = json.loads((run.folder / "pipeline" / "confidence.json").read_text())
    assert (written["split"], written["samples"]) == ("validation", 60)
    assert written["generation"] == {"num_beams": 1, "max_new_tokens": 9}
    scored = read_evaluation(run.folder)
    assert scored.confidence is not None and scored.confidence.expected is not None
    assert scored.confidence.expected.error < scored.confidence.raw.error
    assert "Withholding the least sure" in run.report.read_text()


def test_spelled_names_are_offered(run: RunResult) -> None:
    scored = read_evaluation(run.folder)
    assert scored.names is not None and scored.names.samples == 60
    rows = read_manifest(run.folder / "predictions.tsv")
    assert scored.names.offered - scored.names.said >= 50
    assert rows.columns[-3:] == ("expected", "notes", "offer")
    wrong = [one for one in scored.predictions if one.offer]
    assert wrong and all(one.offer == one.reference for one in wrong)


def test_what_was_read_is_held_against_the_manifest(run: RunResult) -> None:
    """Edits counted anew, clip by clip."""
    (found,) = read_evaluation(run.folder).readings
    pipeline = Pipeline.from_pretrained(run.folder)
    rows = read_manifest(run.folder.parent / "test.tsv").rows
    said = {name: pipeline.translate(run.folder.parent / f"test.{name}.npy") for name in NAMES}
    read = {name: one.transcripts[EXPERT] for name, one in said.items()}
    edits = sum(edit_distance(read[row.get("letters")], row.get("letters")) for row in rows)
    letters = sum(len(row.get("letters")) for row in rows)
    assert (found.part, found.column) == (EXPERT, "letters")
    assert (found.kind, found.units) == ("char", letters)
    assert found.accuracy == pytest.approx(100 * (1 - edits / letters)) and found.accuracy < 100
    assert f"{letters} letters" in run.report.read_text()


def test_opened_again_it_knows_the_names(run: RunResult) -> None:
    pipeline = Pipeline.from_pretrained(run.folder)
    said = {name: pipeline.translate(run.folder.parent / f"test.{name}.npy") for name in NAMES}
    read = [name for name, one in said.items() if one.transcripts[EXPERT] == name]
    assert len(read) >= 3  # of four
    assert all(one.expected is not None for one in said.values())
    for name in read:
        offers = [note.offer for note in said[name].notes if note.about == "names"]
        right = f"called {name.lower()} " in said[name].text
        assert offers == ([] if right else [f"a high called {name.lower()} comes ."])
