"""Files that are replaced whole, or not at all."""

import stat

import pytest

from skomics._files import replace_whole


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


def test_a_file_whose_folder_is_not_there_is_told_and_leaves_nothing(tmp_path):
    with pytest.raises(FileNotFoundError):
        replace_whole(tmp_path / "absent" / "a", lambda path: path.write_text("new"))
    assert list(tmp_path.iterdir()) == []


def test_a_link_is_followed_and_permissions_stay(tmp_path):
    file, link = tmp_path / "real.csv", tmp_path / "link.csv"
    file.write_text("old")
    file.chmod(0o640)
    modes = []

    def write(path):
        path.write_text("new")
        modes.append(stat.S_IMODE(path.stat().st_mode))

    link.symlink_to(file)
    replace_whole(link, write)
    assert link.is_symlink()
    assert file.read_text() == "new"
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert modes == [0o600]  # nobody else reads it before it is complete


def test_two_writers_of_one_file_do_not_disturb_each_other(tmp_path):
    file = tmp_path / "calls.csv"

    def write_late(path):
        path.write_text("first")
        replace_whole(file, lambda other: other.write_text("second"))

    replace_whole(file, write_late)
    assert file.read_text() == "first"
    assert [path.name for path in tmp_path.iterdir()] == ["calls.csv"]
