"""Downloads are resumed, checked, and complete or absent."""

import hashlib
import os

import pytest

from skomics.datasets._cache import fetch_file, get_data_home
from skomics.datasets._registry import RemoteFile
from tests.datasets.http_server import serve

pytest.importorskip("pooch")

CONTENT = os.urandom(100_000)
SHA = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def server():
    with serve({"/x.zip": CONTENT}) as server:
        yield server


@pytest.fixture
def fetch(server, tmp_path):
    def fetch(sha256=None, path="/x.zip", download_if_missing=True, n_retries=2):
        return fetch_file(
            RemoteFile("sets/x.zip", server.url + path, sha256),
            data_home=tmp_path,
            download_if_missing=download_if_missing,
            n_retries=n_retries,
            delay=0.0,
        )

    return fetch


def names_in(folder):
    return sorted(file.name for file in folder.rglob("*") if file.is_file())


def test_a_file_is_downloaded_once_and_its_checksum_recorded(server, fetch, tmp_path):
    path = fetch()
    assert path == tmp_path / "sets" / "x.zip"
    assert path.read_bytes() == CONTENT
    assert (tmp_path / "sets" / "x.zip.sha256").read_text() == SHA
    assert fetch() == path
    assert len(server.requests) == 1
    assert names_in(tmp_path) == ["x.zip", "x.zip.sha256"]


def test_a_known_checksum_is_not_recorded(fetch, tmp_path):
    fetch(sha256=SHA)
    assert names_in(tmp_path) == ["x.zip"]


def test_a_failing_server_is_asked_again(server, fetch):
    server.faults["/x.zip"] = [500, 503]
    assert fetch().read_bytes() == CONTENT
    assert len(server.requests) == 3


def test_what_is_not_there_is_not_asked_for_again(server, fetch, tmp_path):
    with pytest.raises(
        OSError, match=r"Could not download .*/y\.zip: 404 .* save it as"
    ):
        fetch(path="/y.zip")
    assert len(server.requests) == 1
    assert names_in(tmp_path) == []


def test_a_download_goes_on_where_it_broke_off(server, fetch):
    server.faults["/x.zip"] = ["cut", "cut"]
    assert fetch().read_bytes() == CONTENT
    wanted = [wanted for _, wanted in server.requests]
    assert wanted == [None, "bytes=49152-", "bytes=65536-"]


def test_a_later_call_goes_on_where_an_earlier_one_stopped(server, fetch, tmp_path):
    server.faults["/x.zip"] = ["cut"]
    with pytest.raises(OSError, match="Could not download .* goes on where it stopped"):
        fetch(n_retries=0)
    assert not (tmp_path / "sets" / "x.zip").exists()
    assert fetch().read_bytes() == CONTENT
    assert server.requests[1][1] == "bytes=49152-"
    assert names_in(tmp_path) == ["x.zip", "x.zip.sha256"]


def test_a_server_without_ranges_sends_all_again(server, fetch):
    server.faults["/x.zip"], server.ranges = ["cut"], False
    assert fetch().read_bytes() == CONTENT


def test_parts_of_two_versions_are_not_joined(server, fetch):
    server.faults["/x.zip"] = ["cut"]
    with pytest.raises(OSError, match="Could not download"):
        fetch(n_retries=0)
    server.stamp, server.files["/x.zip"] = '"v2"', CONTENT[::-1]
    assert fetch().read_bytes() == CONTENT[::-1]


def test_without_stamp_or_checksum_a_download_begins_again(server, fetch):
    server.faults["/x.zip"], server.stamp = ["cut"], None
    assert fetch().read_bytes() == CONTENT
    assert [wanted for _, wanted in server.requests] == [None, None]


def test_a_part_longer_than_the_file_is_thrown_away(server, fetch, tmp_path):
    folder = tmp_path / "sets"
    folder.mkdir()
    (folder / "x.zip.part").write_bytes(CONTENT + b"more")
    assert fetch(sha256=SHA).read_bytes() == CONTENT
    assert server.requests[0][1] == "bytes=100004-"


def test_a_redirect_is_followed(server, fetch):
    server.redirects["/old.zip"] = "/x.zip"
    assert fetch(path="/old.zip").read_bytes() == CONTENT


def test_a_wrong_checksum_is_refused_and_nothing_kept(fetch, tmp_path):
    with pytest.raises(ValueError, match="has another SHA-256 than 000.* was not kept"):
        fetch(sha256="0" * 64)
    assert names_in(tmp_path) == []


def test_a_recorded_checksum_holds_for_later_downloads(server, fetch):
    fetch().unlink()
    server.files["/x.zip"] = CONTENT[::-1]
    with pytest.raises(
        ValueError, match=r"to accept a new version .* delete .*\.sha256"
    ):
        fetch()


def test_a_damaged_file_is_downloaded_again(fetch):
    path = fetch()
    path.write_bytes(CONTENT[:10])
    with pytest.raises(
        OSError, match="changed or is damaged, and `download_if_missing"
    ):
        fetch(download_if_missing=False)
    assert fetch().read_bytes() == CONTENT


def test_nothing_is_downloaded_where_it_must_not_be(server, fetch):
    with pytest.raises(
        OSError, match="is not there and `download_if_missing` is False"
    ):
        fetch(download_if_missing=False)
    assert server.requests == []


def test_a_file_put_there_by_hand_is_taken(server, fetch, tmp_path):
    (tmp_path / "sets").mkdir()
    (tmp_path / "sets" / "x.zip").write_bytes(b"by hand")
    assert fetch(download_if_missing=False).read_bytes() == b"by hand"
    assert server.requests == []


def test_without_a_connection_the_error_says_where_to_put_the_file(tmp_path):
    with serve({}) as server:
        url = server.url + "/x.zip"
    with pytest.raises(OSError, match="Could not download") as caught:
        fetch_file(
            RemoteFile("sets/x.zip", url),
            data_home=tmp_path,
            download_if_missing=True,
            n_retries=1,
            delay=0.0,
        )
    assert f"by hand and save it as '{tmp_path / 'sets' / 'x.zip'}'" in str(
        caught.value
    )


def test_the_folder_of_data_is_asked_for_then_taken_from_the_environment(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("SKOMICS_HOME", str(tmp_path / "home"))
    assert get_data_home() == tmp_path / "home"
    assert get_data_home(tmp_path) == tmp_path
    monkeypatch.delenv("SKOMICS_HOME")
    assert get_data_home().name == "skomics"
