"""What several processes know of rows that cannot be encoded."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

from slp_core.dataset import BadRow
from slp_core.features import Extraction
from slp_core.manifest import Manifest, Row
from slp_train import distributed, features


class Store:
    """Cannot encode the rows of odd numbers."""

    asked: ClassVar[list[str]] = []

    def extract(self, pipeline: Any, streams: Any, rows: Any, *_: Any) -> Extraction:
        self.asked += [row.id for row in rows]
        bad = [BadRow(row, f"{row.id} is broken") for row in rows if int(row.id) % 2]
        return Extraction(len(rows) - len(bad), 0, 0, tuple(bad))

    def reader(self, *_: Any) -> None: ...


@pytest.mark.parametrize("world", [1, 2, 3])
def test_every_process_knows_the_bad_rows_of_all(
    world: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = SimpleNamespace(precision="float32", features="features", root=None)
    recipe = SimpleNamespace(data=data, source=SimpleNamespace(file="recipe.toml"))
    monkeypatch.setattr(Store, "asked", [])
    monkeypatch.setattr(features, "open_store", lambda folder: Store())
    monkeypatch.setattr(features, "_folder", lambda recipe: Path())
    monkeypatch.setattr(distributed, "world_size", lambda: world)
    told: list[Any] = [None] * world

    def of(rank: int) -> tuple[list[str], list[str]]:
        """What a process of that rank finds, in a manifest that it has read itself."""
        rows = tuple(Row({"id": f"{n}"}, Path("train.tsv"), n + 2) for n in range(9))
        manifest = Manifest(Path("train.tsv"), ("id",), rows, hash="")
        monkeypatch.setattr(distributed, "rank", lambda: rank)
        _, good, bad = features.encoded(SimpleNamespace(recipe=recipe), [], manifest, "train")
        assert all(one.row in rows for one in bad)
        return [row.id for row in good], [one.reason for one in bad]

    def gather(value: Any) -> list[Any]:
        told[distributed.rank()] = value
        return [one for one in told if one is not None]

    monkeypatch.setattr(distributed, "gather", gather)
    for rank in range(world):  # first all tell, then all hear
        of(rank)
    assert sorted(Store.asked) == list("012345678")  # each row by one process
    expected = (list("02468"), [f"{n} is broken" for n in (1, 3, 5, 7)])
    assert [of(rank) for rank in range(world)] == [expected] * world
