"""Downloads are resumed, checked, and complete or absent."""

import gzip
import hashlib
import os
import subprocess
import sys
import threading
import time

import pytest

from skomics.datasets import _cache
from skomics.datasets._cache import fetch_file, get_data_home
from skomics.datasets._registry import RemoteFile
from tests.conftest import REPOSITORY
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
    def fetch(
        sha256=None, path="/x.zip", download_if_missing=True, n_retries=2, **more
    ):
        return fetch_file(
            RemoteFile("sets/x.zip", server.url + path, sha256, **more),
            data_home=tmp_path,
            download_if_missing=download_if_missing,
            n_retries=n_retries,
            delay=0.0,
        )

    return fetch


def names_in(folder):
    names = (file.name for file in folder.rglob("*") if file.is_file())
    return sorted(name for name in names if not name.endswith(".lock"))


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
    assert wanted == [None, "bytes=50000-", "bytes=75000-"]


def test_a_later_call_goes_on_where_an_earlier_one_stopped(server, fetch, tmp_path):
    server.faults["/x.zip"] = ["cut"]
    with pytest.raises(OSError, match="Could not download .* goes on where it stopped"):
        fetch(n_retries=0)
    assert not (tmp_path / "sets" / "x.zip").exists()
    assert fetch().read_bytes() == CONTENT
    assert server.requests[1][1] == "bytes=50000-"
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


# Whole or not at all


def answer(*, code=200, body=CONTENT, pieces=None, delay=0.0, **headers):
    """Return an answer with these headers; pieces are sent after one another."""

    def send(handler):
        handler.send_response(code)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        for piece in [body] if pieces is None else pieces:
            handler.wfile.write(piece)
            time.sleep(delay)

    return send


PAGE = b"\n<!DOCTYPE html><html><body>Log in</body></html>"
PACKED = gzip.compress(bytes(10_000_000))
REFUSED = {
    "an unasked part": (
        answer(code=206, Content_Range="bytes 0-9/100", Content_Length=10),
        r"sent a part \(206\) of a file asked for as a whole",
    ),
    "no content": (answer(code=204, body=b""), "the host answered 204, without a file"),
    "nothing": (answer(body=b"", Content_Length=0), "the host sent an empty file"),
    "no length": (answer(), "does not say how long the file is, so that its end"),
    "a page by its type": (
        answer(body=PAGE, Content_Length=len(PAGE), Content_Type="text/html; x=y"),
        "127.0.0.1 sent a web page in place of the file, perhaps one to log in",
    ),
    "a page by its look": (
        answer(body=PAGE, Content_Length=len(PAGE), Content_Type="application/zip"),
        "sent a web page in place of the file, .* open the address in a browser",
    ),
    "packed": (
        answer(body=PACKED, Content_Length=len(PACKED), Content_Encoding="gzip"),
        r"packed the file \(Content-Encoding 'gzip'\), which was not asked for",
    ),
    "too large": (
        answer(Content_Length=2**40),
        f"{2**40} bytes are more than the {_cache._MAX_SIZE} allowed",
    ),
}


@pytest.mark.parametrize(("send", "message"), REFUSED.values(), ids=REFUSED)
def test_an_answer_that_is_not_the_file_is_refused_and_not_recorded(
    server, fetch, tmp_path, send, message
):
    server.answers["/x.zip"] = send
    with pytest.raises(OSError, match=f"Could not download .*: .*{message}"):
        fetch()
    assert len(server.requests) == 1  # asking again would not help
    assert names_in(tmp_path) == []
    del server.answers["/x.zip"]
    assert fetch().read_bytes() == CONTENT


def test_an_answer_that_is_not_the_file_leaves_what_was_there_of_it(server, fetch):
    server.faults["/x.zip"] = ["cut"]
    with pytest.raises(OSError, match="Could not download"):
        fetch(n_retries=0)
    server.answers["/x.zip"] = REFUSED["a page by its type"][0]
    with pytest.raises(OSError, match="sent a web page"):
        fetch()
    del server.answers["/x.zip"]
    assert fetch().read_bytes() == CONTENT
    assert server.requests[-1][1] == "bytes=50000-"


def test_a_file_of_unknown_length_is_taken_where_its_checksum_is_known(server, fetch):
    server.answers["/x.zip"] = answer()
    assert fetch(sha256=SHA).read_bytes() == CONTENT


@pytest.mark.parametrize("is_whole", [True, False])
def test_a_file_in_chunks_is_taken_where_the_last_one_came(server, fetch, is_whole):
    pieces = [b"%x\r\n%s\r\n" % (len(CONTENT), CONTENT), b"0\r\n\r\n" * is_whole]

    def send(handler):
        handler.protocol_version = "HTTP/1.1"
        answer(pieces=pieces, Transfer_Encoding="chunked", Connection="close")(handler)
        handler.close_connection = True

    server.answers["/x.zip"] = send
    if is_whole:
        assert fetch().read_bytes() == CONTENT
    else:
        with pytest.raises(OSError, match="Could not download"):
            fetch(n_retries=0)


def test_no_more_than_the_declared_size_is_read(server, fetch, tmp_path):
    with pytest.raises(OSError, match="announces 100000 bytes and the file has 99999"):
        fetch(size=99_999)
    server.answers["/x.zip"] = answer()
    with pytest.raises(OSError, match="the host sent more than 99999 bytes"):
        fetch(size=99_999)
    assert names_in(tmp_path) == []
    assert fetch(size=100_000).read_bytes() == CONTENT


def endless(handler):
    handler.protocol_version = "HTTP/1.1"
    answer(pieces=[], Transfer_Encoding="chunked")(handler)
    while True:
        handler.wfile.write(b"400\r\n" + bytes(0x400) + b"\r\n")


def test_a_body_without_an_end_is_left_at_the_largest_size(
    server, fetch, tmp_path, monkeypatch
):
    monkeypatch.setattr(_cache, "_MAX_SIZE", 1_000_000)
    server.answers["/x.zip"] = endless
    with pytest.raises(OSError, match="the host sent more than 1000000 bytes"):
        fetch()
    assert names_in(tmp_path) == []


def test_a_host_that_trickles_is_left_after_the_time_and_gone_on_with(
    server, fetch, monkeypatch
):
    monkeypatch.setattr(_cache, "_TOTAL_TIMEOUT", 0.5)
    pieces = [CONTENT[i : i + 1] for i in range(200)]
    trickle = answer(
        pieces=pieces, delay=0.1, Content_Length=len(CONTENT), ETag=server.stamp
    )
    server.answers["/x.zip"] = trickle
    start = time.monotonic()
    with pytest.raises(OSError, match="took longer than 0.5 seconds; .* Try again"):
        fetch()
    assert time.monotonic() - start < 10
    assert len(server.requests) == 1
    del server.answers["/x.zip"]
    monkeypatch.setattr(_cache, "_TOTAL_TIMEOUT", 60)
    assert fetch().read_bytes() == CONTENT
    assert server.requests[-1][1] is not None


def test_another_address_is_tried_where_the_first_fails(server, fetch):
    server.files["/mirror.zip"] = server.files.pop("/x.zip")
    path = fetch(mirrors=(server.url + "/mirror.zip",))
    assert path.read_bytes() == CONTENT
    path.unlink()
    del server.files["/mirror.zip"]
    with pytest.raises(OSError, match=r"Could not download .*/x\.zip: 404"):
        fetch(mirrors=(server.url + "/mirror.zip",))


FETCH = """
import sys
from skomics.datasets._cache import fetch_file
from skomics.datasets._registry import RemoteFile
remote = RemoteFile("sets/x.zip", sys.argv[1])
options = {"download_if_missing": True, "n_retries": 0, "delay": 0.0}
print("ready", flush=True)
sys.stdin.readline()
path = fetch_file(remote, data_home=sys.argv[2], **options)
print(path.stat().st_ino, flush=True)
"""


def test_of_two_processes_one_downloads_and_the_other_waits(server, fetch, tmp_path):
    """Non-regression test for #12: both wrote into one part, and one of them died."""
    asked = threading.Event()

    def send(handler):
        asked.set()
        half = len(CONTENT) // 2
        pieces = [CONTENT[:half], CONTENT[half:]]
        answer(pieces=pieces, delay=0.5, Content_Length=len(CONTENT))(handler)

    server.answers["/x.zip"] = send
    process = subprocess.Popen(
        [sys.executable, "-c", FETCH, server.url + "/x.zip", str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=REPOSITORY,
    )
    try:
        assert process.stdout.readline() == "ready\n"
        process.stdin.write("go\n")
        process.stdin.flush()
        assert asked.wait(timeout=60)
        path = fetch(n_retries=0)
        inode = process.communicate(timeout=60)[0]
    finally:
        process.kill()
        process.communicate(timeout=60)
    assert process.returncode == 0
    assert path.read_bytes() == CONTENT
    assert path.stat().st_ino == int(inode)  # the file that the first was given
    assert len(server.requests) == 1
    assert names_in(tmp_path) == ["x.zip", "x.zip.sha256"]


def test_a_download_that_lasts_too_long_elsewhere_is_not_waited_for(
    fetch, tmp_path, monkeypatch
):
    monkeypatch.setattr(_cache, "_TOTAL_TIMEOUT", 0.2)
    with (
        _cache._lock(tmp_path / "sets" / "x.zip"),
        pytest.raises(OSError, match="Another process has been downloading .* Wait"),
    ):
        fetch()


def test_what_is_there_is_read_without_a_lock(fetch, tmp_path, monkeypatch):
    fetch()
    monkeypatch.setattr(_cache, "_lock", None)
    assert fetch().read_bytes() == CONTENT
