"""Files that appear whole or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from slp_core.errors import UserError
from slp_core.files import disk_is_full, tells_full_disk, whole_file, whole_folder


@pytest.mark.parametrize("whole", [whole_file, whole_folder])
def test_where_nothing_can_be_written_is_told_with_the_reason(tmp_path, whole):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(UserError, match=r"file/x: cannot be written: .*; choose another place"),
        whole(tmp_path / "file" / "x"),
    ):
        pass


def test_what_fails_within_is_not_held_to_be_that(tmp_path):
    with pytest.raises(FileNotFoundError), whole_file(tmp_path / "x"):
        (tmp_path / "absent").read_text()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("whole", [whole_file, whole_folder])
def test_a_disk_that_is_full_is_told_by_the_place_itself(tmp_path, whole):
    """As it happens: into the device that is always full."""
    with (
        pytest.raises(UserError, match=r"/x: cannot be written: the disk is full.*; make room"),
        whole(tmp_path / "x"),
        Path("/dev/full").open("w") as full,
    ):
        full.write("a")
    assert list(tmp_path.iterdir()) == []


def of(error, cause):
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
        OSError(errno.EDQUOT, os.strerror(errno.EDQUOT)),
        of(RuntimeError("a stage"), OSError(errno.ENOSPC, "")),
        # as safetensors, numpy and torch say it on a file system that is full
        Exception("Error while serializing: I/O error: No space left on device (os error 28)"),
        OSError("1000000 requested and 131056 written"),
        RuntimeError("[enforce fail at inline_container.cc:671] . unexpected pos 576 vs 534"),
        RuntimeError("PytorchStreamWriter failed writing file data/0: file write failed"),
    ],
)
def test_how_a_full_disk_is_known(tmp_path, error):
    assert disk_is_full(error)
    with pytest.raises(UserError, match="the disk is full"), tells_full_disk(tmp_path):
        raise error


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.EACCES, os.strerror(errno.EACCES)),
        RuntimeError("[enforce fail at inline_container.cc] PytorchStreamReader failed"),
        of(ValueError("of"), KeyError("something else")),
    ],
)
def test_other_errors_stay_what_they_are(tmp_path, error):
    assert not disk_is_full(error)
    with pytest.raises(type(error)), tells_full_disk(tmp_path):
        raise error


def test_the_file_is_named_and_not_the_folder_around_it(tmp_path):
    with (
        pytest.raises(UserError, match=r"inner: cannot be written: the disk is full"),
        tells_full_disk(tmp_path / "outer"),
        tells_full_disk(tmp_path / "inner"),
    ):
        raise OSError(errno.ENOSPC, "")
