"""Files that appear whole or not at all."""

from __future__ import annotations

import pytest

from slp_core.errors import UserError
from slp_core.files import whole_file, whole_folder


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
