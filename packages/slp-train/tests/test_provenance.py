"""What a run says it was made with."""

import json
from pathlib import Path
from types import SimpleNamespace

from slp_core.manifest import read_manifest
from slp_core.recipe_file import parse_recipe
from slp_train.provenance import _signing, write_provenance

RECIPE = """
[recipe]
name = "toy"
[data]
[streams.hands]
signal = "signs"
encoder = "same"
[decoder]
use = "reader"
"""


def test_the_folder_it_was_called_in_is_told_as_seen_from_the_run(tmp_path, monkeypatch):
    home, run = tmp_path / "home", tmp_path / "runs" / "one"
    home.mkdir()
    run.mkdir(parents=True)
    (tmp_path / "link").symlink_to(run)
    monkeypatch.chdir(home)
    plan = SimpleNamespace(nodes={}, recipe=parse_recipe(RECIPE))
    pipeline = SimpleNamespace(parameters=lambda: [])
    for folder in (run, Path("../runs/one"), Path("../link")):
        write_provenance(folder, plan, pipeline, {})
        told = json.loads((run / "provenance.json").read_text())["called_from"]
        assert told == "../../home"


def test_who_signs_is_counted_where_every_row_says(tmp_path):
    def manifest(name, *rows):
        file = tmp_path / f"{name}.tsv"
        file.write_text("\n".join(["signer\tlanguage\tsign_language", *rows]) + "\n")
        return read_manifest(file)

    train = manifest("train", "a\tde\tgsg", "b\tde\tgsg", "a\tde\t")
    test = manifest("test", "b\tde\tgsg", "c\ten\tase")
    assert _signing(train, train) == {"signers": 2, "languages": ["de"]}
    assert _signing(test, train) == {"signers": 2, "new_signers": 1, "languages": ["de", "en"],
                                     "sign_languages": ["ase", "gsg"]}  # fmt: skip
    assert _signing(test, None) == _signing(test, test)
    half = manifest("half", "\tde\tgsg", "c\tde\tgsg")
    assert _signing(half, train) == {"languages": ["de"], "sign_languages": ["gsg"]}
