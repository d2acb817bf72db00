"""Keep downloaded files: resumable, checked, and whole or absent."""

import hashlib
import os
import time
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlparse

from skomics._optional import import_optional

__all__ = ["fetch_file", "get_data_home"]

_TIMEOUT = 30  # seconds without a byte
_TOTAL_TIMEOUT = 3600  # seconds for a file, all attempts together
_MAX_SIZE = 2**33  # bytes, where no size is declared: no set of ours is as large
_CHUNK = 2**16
_PAGES = (b"<!doctype html", b"<html")


class _RefusedError(Exception):
    """The host answered, but not with the file; asking again would not help."""


def get_data_home(data_home=None):
    """Return the folder of downloaded data; it need not exist.

    Parameters
    ----------
    data_home : str or Path, default=None
        The folder. With None it is the environment variable ``SKOMICS_HOME`` or,
        where that is not set, the cache folder of the operating system.

    Returns
    -------
    data_home : Path
        The folder.
    """
    pooch = import_optional("pooch", extra="data")
    home = data_home or os.environ.get("SKOMICS_HOME") or pooch.os_cache("skomics")
    return Path(home).expanduser()


def fetch_file(remote, *, data_home, download_if_missing, n_retries, delay):
    """Return the path of a file, which is downloaded if it is not there.

    Parameters
    ----------
    remote : RemoteFile
        The file.

    data_home : str, Path or None
        The folder of downloaded data.

    download_if_missing : bool
        Whether it may be downloaded.

    n_retries : int
        How often to try again.

    delay : float
        Seconds before the first retry; they double each time.

    Returns
    -------
    path : Path
        The complete file.

    Raises
    ------
    OSError
        If it is missing or other than it was, and cannot be downloaded or must not:
        no connection, an answer that is not the file, too slow, or too large.

    ValueError
        If what was downloaded has another checksum than it should.
    """
    path = get_data_home(data_home) / remote.path
    if not download_if_missing:
        _check_present(path, remote)
    elif not _is_whole(path, remote):
        with _lock(path):
            # Another process may have downloaded it in the meantime.
            if not _is_whole(path, remote):
                _Download(remote, path, n_retries, delay).run()
    return path


def _recorded(path):
    return path.with_name(path.name + ".sha256")


def _known_sha256(path, remote):
    """Return what the SHA-256 must be, or None for the first download."""
    recorded = _recorded(path)
    if remote.sha256 or not recorded.is_file():
        return remote.sha256
    return recorded.read_text().strip() or None


def _hash(path):
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _is_whole(path, remote):
    """Tell whether the file is there and, where its checksum is known, has it."""
    known = _known_sha256(path, remote)
    return path.is_file() and known in (None, _hash(path))


def _check_present(path, remote):
    known = _known_sha256(path, remote)
    if not path.is_file():
        raise OSError(
            f"{str(path)!r} is not there and `download_if_missing` is False. Pass "
            f"True, or download {remote.url} by hand and save it under this name."
        )
    if not _is_whole(path, remote):
        raise OSError(
            f"{str(path)!r} has another SHA-256 than {known}, so it was changed or is "
            "damaged, and `download_if_missing` is False. Pass True, or download "
            f"{remote.url} by hand and save it under this name."
        )


@contextmanager
def _lock(path):
    """Let one process at a time download a file; the end of it gives it free, too."""
    filelock = import_optional("filelock", extra="data")
    path.parent.mkdir(parents=True, exist_ok=True)
    name = path.with_name(f".{path.name}.lock")
    lock = filelock.FileLock(name, timeout=_TOTAL_TIMEOUT)
    try:
        lock.acquire()
    except filelock.Timeout:
        raise OSError(
            f"Another process has been downloading {str(path)!r} for more than "
            f"{_TOTAL_TIMEOUT} seconds. Wait until it has ended, or end it."
        ) from None
    try:
        yield
    finally:
        lock.release()


class _Download:
    """A file on its way, in a part of its own until it is whole.

    The part is the process's own, because only the owner of the lock touches it.

    Parameters
    ----------
    remote : RemoteFile
        The file.

    path : Path
        Where it goes.

    n_retries : int
        How often to try again at each address.

    delay : float
        Seconds before the first retry.
    """

    def __init__(self, remote, path, n_retries, delay):
        self.remote, self.path = remote, path
        self.n_retries, self.delay = n_retries, delay
        self.known = _known_sha256(path, remote)
        self.part = path.with_name(path.name + ".part")
        self.stamp_file = path.with_name(path.name + ".part.stamp")
        self.deadline = time.monotonic() + _TOTAL_TIMEOUT

    def run(self):
        """Download the file, check it, and put it in place in one step."""
        requests = import_optional("requests", extra="data")
        urllib3 = import_optional("urllib3", extra="data")
        errors = (requests.RequestException, urllib3.exceptions.HTTPError)
        failure = None
        for url in (self.remote.url, *self.remote.mirrors):
            try:
                self._try_address(url, errors)
            except (*errors, _RefusedError) as error:
                failure = failure or error
                continue
            return self._finish()
        raise OSError(
            f"Could not download {self.remote.url}: {failure}. Check the connection "
            "and try again, which goes on where it stopped; or download the file by "
            f"hand and save it as {str(self.path)!r}."
        ) from failure

    def _try_address(self, url, errors):
        for attempt in range(self.n_retries + 1):
            try:
                return self._append(url)
            except errors as error:
                if attempt == self.n_retries or not _may_pass(error):
                    raise
                time.sleep(self.delay * 2**attempt)

    def _append(self, url):
        """Go on with the part, or begin it again where that is not safe."""
        requests = import_optional("requests", extra="data")
        start, headers = self._choose_start()
        with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT) as reply:
            if reply.status_code == 416:
                self._forget_part()
            reply.raise_for_status()
            if reply.status_code != 206:
                start = 0
            size = self._check_reply(reply, start)
            if start == 0:
                self._forget_part()
                self.stamp_file.write_text(_read_stamp(reply.headers))
            try:
                self._write(reply, start, size)
            except _RefusedError:
                self._forget_part()
                raise

    def _choose_start(self):
        """Return where to begin, and the headers that ask for it."""
        stamp = self.stamp_file.read_text() if self.stamp_file.is_file() else ""
        headers = {"Accept-Encoding": "identity"}
        # Without a stamp or a checksum, two versions could be joined unnoticed.
        if not self.part.is_file() or not (stamp or self.known):
            return 0, headers
        start = self.part.stat().st_size
        if start:
            headers["Range"] = f"bytes={start}-"
            headers |= {"If-Range": stamp} if stamp else {}
        return start, headers

    def _check_reply(self, reply, start):
        """Return the size of the whole file, if it is known."""
        requests = import_optional("requests", extra="data")
        place = reply.headers.get("Content-Range", "")
        if reply.status_code == 206 and not place.startswith(f"bytes {start}-"):
            self._forget_part()
            raise requests.ConnectionError("the server sent another range")
        _check_headers(reply, self.remote, start)
        length = reply.headers.get("Content-Length")
        size = self.remote.size if length is None else start + int(length)
        is_chunked = "chunked" in reply.headers.get("Transfer-Encoding", "").lower()
        if size is None and not is_chunked and not self.known:
            raise _RefusedError(
                "the host does not say how long the file is, so that its end cannot be "
                "told from a lost connection"
            )
        if self.remote.size not in (None, size):
            raise _RefusedError(
                f"the host announces {size} bytes and the file has {self.remote.size}"
            )
        if (size or 0) > _MAX_SIZE:
            raise _RefusedError(f"{size} bytes are more than the {_MAX_SIZE} allowed")
        return size

    def _write(self, reply, start, size):
        requests = import_optional("requests", extra="data")
        n_bytes, limit = start, _MAX_SIZE if size is None else size
        with self.part.open("ab" if start else "wb") as file:
            # As much as is there, so that a slow host is looked at in time.
            while data := reply.raw.read1(_CHUNK):
                n_bytes += len(data)
                if n_bytes > limit:
                    raise _RefusedError(f"the host sent more than {limit} bytes")
                file.write(data)
                self._check_time(n_bytes)
        if size is not None and n_bytes != size:
            raise requests.ConnectionError("the connection broke off")
        _check_content(self.part, self.remote)

    def _check_time(self, n_bytes):
        if time.monotonic() > self.deadline:
            raise OSError(
                f"Downloading {self.remote.url} took longer than {_TOTAL_TIMEOUT} "
                f"seconds; {n_bytes} bytes are there. Try again, which goes on where "
                "it stopped, or download the file by hand and save it as "
                f"{str(self.path)!r}."
            )

    def _finish(self):
        sha256 = _hash(self.part)
        if self.known not in (None, sha256):
            self._forget_part()
            raise ValueError(
                f"The file from {self.remote.url} has another SHA-256 than "
                f"{self.known}, so it was changed, or damaged on the way, and was not "
                f"kept. Try again{self._advice()}."
            )
        if self.known is None:
            # Before the file, which is then never there without it.
            tmp = self.stamp_file
            tmp.write_text(sha256)
            os.replace(tmp, _recorded(self.path))
        os.replace(self.part, self.path)
        self.stamp_file.unlink(missing_ok=True)

    def _advice(self):
        if self.remote.sha256:
            return ""
        record = str(_recorded(self.path))
        return f"; to accept a new version of the data, delete {record!r}"

    def _forget_part(self):
        self.part.unlink(missing_ok=True)
        self.stamp_file.unlink(missing_ok=True)


def _check_headers(reply, remote, start):
    """Refuse an answer that cannot be the file."""
    if reply.status_code not in (200, 206):
        raise _RefusedError(f"the host answered {reply.status_code}, without a file")
    if reply.status_code == 206 and not start:
        raise _RefusedError("the host sent a part (206) of a file asked for as a whole")
    encoding = reply.headers.get("Content-Encoding", "identity").lower()
    if encoding != "identity":
        raise _RefusedError(
            f"the host packed the file (Content-Encoding {encoding!r}), which was not "
            "asked for"
        )
    kind = reply.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind in ("text/html", "application/xhtml+xml"):
        _refuse_page(remote)


def _check_content(part, remote):
    """Refuse what is empty, or a page that says something else."""
    with part.open("rb") as file:
        first = file.read(512)
    if not first:
        raise _RefusedError("the host sent an empty file")
    if first.removeprefix(b"\xef\xbb\xbf").lstrip().lower().startswith(_PAGES):
        _refuse_page(remote)


def _refuse_page(remote):
    host = urlparse(remote.url).hostname
    raise _RefusedError(
        f"{host} sent a web page in place of the file, perhaps one to log in or to "
        "agree to something; open the address in a browser"
    )


def _may_pass(error):
    """Tell whether an error may be gone the next time."""
    response = getattr(error, "response", None)
    status = getattr(response, "status_code", None)
    return status is None or status in (408, 416, 429) or status >= 500


def _read_stamp(headers):
    """Return what tells versions of a file apart, if the server says it."""
    etag = headers.get("ETag", "")
    return (
        etag if etag and not etag.startswith("W/") else headers.get("Last-Modified", "")
    )
