"""Stored features."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file

from slp_core.signals import Clip, SignalError
from slp_encoders.processors.features.reader import FeaturesReader
from slp_encoders.processors.features.spec import FeaturesConfig, signature

VALUES = np.arange(60, dtype=np.float32).reshape(20, 3)


def read(path: Path, start: float = 0, end: float | None = None, **config: Any) -> np.ndarray:
    reader = FeaturesReader(FeaturesConfig(**{"width": 3, **config}))
    clip = Clip(str(path), start, end)
    signal = reader.read(clip)
    assert reader.probe(clip) == len(signal.values)
    assert signal.values.dtype == np.float32
    return signal.values


def write(path: Path, values: np.ndarray) -> Path:
    if path.suffix == ".npy":
        np.save(path, values)
    else:
        save_file({"features": np.ascontiguousarray(values)}, path)
    return path


@pytest.fixture(params=["a.npy", "a.safetensors"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return tmp_path / request.param


def test_a_file_is_read_whole(path: Path) -> None:
    assert np.array_equal(read(write(path, VALUES)), VALUES)


@pytest.mark.parametrize("dtype", ["float16", "float64"])
def test_other_floats_become_float32(path: Path, dtype: str) -> None:
    assert np.array_equal(read(write(path, VALUES.astype(dtype))), VALUES)


def test_bytes_in_the_other_order_are_turned(tmp_path: Path) -> None:
    assert np.array_equal(read(write(tmp_path / "a.npy", VALUES.astype(">f4"))), VALUES)


def test_time_may_be_the_second_axis(path: Path) -> None:
    assert np.array_equal(read(write(path, VALUES.T), axis=1), VALUES)
    assert np.array_equal(read(path, 200, 400, axis=1, rate=25), VALUES[5:10])


def test_a_span_is_counted_in_stored_steps(path: Path) -> None:
    write(path, VALUES)
    assert np.array_equal(read(path, 200, 400, rate=25), VALUES[5:10])
    assert np.array_equal(read(path, 201, None, rate=25, stride=3), VALUES[5::3])


def test_the_rate_counts_the_stride_and_is_unknown_unless_declared(path: Path) -> None:
    write(path, VALUES)
    clip = Clip(str(path))
    assert FeaturesReader(FeaturesConfig(width=3, rate=25, stride=2)).read(clip).rate == 12.5
    assert np.isnan(FeaturesReader(FeaturesConfig(width=3)).read(clip).rate)


def test_the_signature_says_what_is_read() -> None:
    assert str(signature(FeaturesConfig(width=3), "f")) == "b t d=3 (rate of the clip)"
    with_rate = signature(FeaturesConfig(width=3, rate=25, stride=2), "f")
    assert str(with_rate) == "b t d=3 (12.5 Hz)"
    assert with_rate["d"].said_by == "width"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("values", "config", "said"),
    [
        (VALUES, {"width": 4}, "holds 3 features a step, width = 4 was declared"),
        (VALUES, {"width": 20}, "is axis = 1 meant"),
        (VALUES[None], {}, r"shape \(1, 20, 3\)"),
        (VALUES[:0], {}, "holds no step"),
        (VALUES.astype(np.int64), {}, "holds (int64|I64), float16, float32 or float64 expected"),
        (np.where(VALUES == 10, np.nan, VALUES), {}, "step 3 holds a value that is not finite"),
        (np.where(VALUES == 10, np.inf, VALUES), {"stride": 3}, "step 3 holds"),
        (VALUES.astype(np.float64) * 1e39, {}, "not finite"),
    ],
)
def test_what_is_wrong_is_said(
    path: Path, values: np.ndarray, config: dict[str, Any], said: str
) -> None:
    with pytest.raises(SignalError, match=said):
        read(write(path, values), **config)


def test_values_outside_the_span_are_not_judged(path: Path) -> None:
    write(path, np.where(VALUES >= 57, np.nan, VALUES))
    assert len(read(path, 0, 400, rate=25)) == 10


def test_a_span_needs_a_rate(path: Path) -> None:
    write(path, VALUES)
    with pytest.raises(SignalError, match="has a span, but nothing says how many steps"):
        read(path, 0, 400)
    with pytest.raises(SignalError, match="lies outside the clip, which lasts 800 ms"):
        read(path, 0, 1400, rate=25)


def test_one_of_several_tensors_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    save_file({"clip": VALUES, "motion": VALUES + 1}, path)
    assert np.array_equal(read(path, key="motion"), VALUES + 1)
    with pytest.raises(SignalError, match=r"holds 2 tensors \(clip, motion\); write key"):
        read(path)
    with pytest.raises(SignalError, match='holds no tensor "motions"; did you mean "motion"'):
        read(path, key="motions")


def test_files_that_are_none(tmp_path: Path) -> None:
    np.save(tmp_path / "object.npy", np.array([{}], dtype=object), allow_pickle=True)
    np.savez(tmp_path / "a.npz", VALUES)
    for name, said in [
        ("object.npy", "cannot be read"),
        ("a.npz", ".npy or .safetensors expected"),
        ("absent.npy", "no such file"),
    ]:
        with pytest.raises(SignalError, match=said):
            read(tmp_path / name)
    with pytest.raises(SignalError, match='no keys, key = "x" was written'):
        read(write(tmp_path / "a.npy", VALUES), key="x")


def test_only_the_span_is_read(tmp_path: Path) -> None:
    path = tmp_path / "long.npy"
    np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(2_000_000, 3)).flush()
    tracemalloc.start()
    assert len(read(path, 1000, 2000, rate=25)) == 25
    assert tracemalloc.get_traced_memory()[1] < 1e6  # the file has 24 MB
    tracemalloc.stop()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(edits=st.lists(st.tuples(st.integers(0, 400), st.binary(max_size=4)), max_size=4),
       cut=st.integers(0, 400))  # fmt: skip
def test_damaged_bytes_give_one_line_and_cost_no_memory(
    path: Path, edits: list[tuple[int, bytes]], cut: int
) -> None:
    content = bytearray(write(path, VALUES).read_bytes())
    for place, edit in edits:
        content[place : place + len(edit)] = edit
    path.write_bytes(content[: len(content) - cut] if cut % 2 else content)
    tracemalloc.start()
    try:
        read(path)
    except SignalError as error:
        assert str(error).startswith(str(path)) and "\n" not in str(error)
    assert tracemalloc.get_traced_memory()[1] < 1e7
    tracemalloc.stop()


def test_the_real_features(shared_data: Path) -> None:
    for name, steps in [("01", 23), ("02", 18)]:
        file = shared_data / "poses" / f"multimodalhugs__features_sample_{name}.npy"
        assert read(file, width=1024).shape == (steps, 1024)
