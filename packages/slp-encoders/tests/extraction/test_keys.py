"""What a feature depends on."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

from slp_core.signals import Clip, SignalError
from slp_encoders.extraction.keys import Encoding, code_hash, file_hash

from . import toys


def test_a_key_changes_with_whatever_a_feature_depends_on(tmp_path: Path) -> None:
    one, other = toys.write_films(tmp_path, 3, 4)
    encoder, processor = toys.Pictures(), toys.Films()
    clip = Clip(str(one))
    key = Encoding.of(processor, encoder).key(clip)
    assert Encoding.of(toys.Films(), toys.Pictures()).key(clip) == key
    copy = tmp_path / "copy.npy"
    copy.write_bytes(one.read_bytes())
    assert Encoding.of(processor, encoder).key(Clip(str(copy))) == key
    moved = toys.Pictures()
    moved.mean += 1  # no part of the state dict
    others = [
        Encoding.of(processor, encoder).key(Clip(str(other))),
        Encoding.of(processor, encoder).key(Clip(str(one), 40)),
        Encoding.of(processor, encoder).key(Clip(str(one), 0, 80)),
        Encoding.of(processor, encoder, "bfloat16").key(clip),
        Encoding.of(processor, toys.Pictures(toys.Nothing(batch=5))).key(clip),
        Encoding.of(processor, toys.Pictures(seed=1)).key(clip),
        Encoding.of(processor, moved).key(clip),
        Encoding.of(processor, toys.Whole()).key(clip),
        Encoding.of(toys.Films(toys.FilmConfig(size=9)), encoder).key(clip),
    ]
    assert len({key, *others}) == len(others) + 1
    assert "mean" not in encoder.state_dict()


def test_the_code_is_all_that_a_part_is_made_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "plugin_of_ours"
    (home / "encoders" / "ours").mkdir(parents=True)
    for folder in (home, home / "encoders", home / "encoders" / "ours"):
        (folder / "__init__.py").touch()
    (home / "encoders" / "ours" / "model.py").write_text(
        "import json\nfrom plugin_of_ours.encoders import shared\nfrom ... import roots as _\n"
        "class Ours: ...\n"
    )
    modules = ["encoders/shared.py", "roots.py", "other.py"]
    for name in modules:
        (home / name).write_text("SIZE = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    kind = import_module("plugin_of_ours.encoders.ours.model").Ours
    before = code_hash(kind)
    for name in modules:
        (home / name).write_text("SIZE = 2\n")
        code_hash.cache_clear()
        assert (code_hash(kind) == before) is (name == "other.py")
        (home / name).write_text("SIZE = 1\n")
    code_hash.cache_clear()
    assert code_hash(kind) == before


def test_what_is_read_beside_the_clip_is_part_of_the_key(tmp_path: Path) -> None:
    (film,) = toys.write_films(tmp_path, 3)
    beside = tmp_path / "mouth.txt"

    class Beside(toys.Films):
        def files(self, clip: Clip) -> list[Path]:
            return [*super().files(clip), beside]

    encoding = Encoding.of(Beside(), toys.Pictures())
    with pytest.raises(SignalError, match=r"mouth\.txt: there is no such file"):
        encoding.key(Clip(str(film)))
    beside.write_text("here")
    before = encoding.key(Clip(str(film)))
    beside.write_text("there")
    assert encoding.key(Clip(str(film))) != before


def test_an_edited_clip_is_another(tmp_path: Path) -> None:
    (file,) = toys.write_films(tmp_path, 3)
    before = file_hash(file)
    assert file_hash(file) == before
    toys.write_films(tmp_path, 4)
    assert file_hash(file) != before


def test_a_folder_of_pictures_is_hashed_whole(tmp_path: Path) -> None:
    for name in ("1.png", "2.png"):
        (tmp_path / name).write_bytes(name.encode())
    before = file_hash(tmp_path)
    (tmp_path / "2.png").rename(tmp_path / "3.png")
    assert file_hash(tmp_path) != before
