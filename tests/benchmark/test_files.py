"""Files that stay whole."""

import pytest

from skomics.benchmark._files import append_whole, replace_whole


def test_data_are_appended_to_what_is_there(tmp_path):
    file = tmp_path / "a"
    append_whole(file, b"1\n")
    append_whole(file, b"2\n")
    assert file.read_bytes() == b"1\n2\n"


def test_a_file_that_cannot_be_made_is_told_and_leaves_nothing(tmp_path):
    for write in (append_whole, lambda path, data: replace_whole(path, path.rename)):
        with pytest.raises(FileNotFoundError):
            write(tmp_path / "absent" / "a", b"1")
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_replaced_by_a_whole_one_or_not_at_all(tmp_path):
    file = tmp_path / "a"
    file.write_bytes(b"old")

    def write_half(path):
        path.write_bytes(b"ne")
        raise OSError("full")

    with pytest.raises(OSError, match="full"):
        replace_whole(file, write_half)
    assert file.read_bytes() == b"old"
    replace_whole(file, lambda path: path.write_bytes(b"new"))
    assert file.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [file]
