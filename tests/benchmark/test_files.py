"""Files that stay whole."""

import pytest

from skomics.benchmark._files import append_whole


def test_data_are_appended_to_what_is_there(tmp_path):
    file = tmp_path / "a"
    append_whole(file, b"1\n")
    append_whole(file, b"2\n")
    assert file.read_bytes() == b"1\n2\n"


def test_a_file_that_cannot_be_made_is_told_and_leaves_nothing(tmp_path):
    with pytest.raises(FileNotFoundError):
        append_whole(tmp_path / "absent" / "a", b"1")
    assert list(tmp_path.iterdir()) == []
