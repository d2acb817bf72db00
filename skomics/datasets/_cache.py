"""Keep downloaded files: resumable, checked, and complete or absent."""

import os
import time
from pathlib import Path

from skomics._optional import import_optional

__all__ = ["fetch_file", "get_data_home"]

_TIMEOUT = 30  # seconds without a byte
_CHUNK = 2**14  # as much is lost where a connection breaks off


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
        If it is missing or other than it was, and cannot be downloaded or must not.

    ValueError
        If what was downloaded has another checksum than it should.
    """
    pooch = import_optional("pooch", extra="data")
    path = get_data_home(data_home) / remote.path
    recorded = path.with_name(path.name + ".sha256")
    known = remote.sha256 or (recorded.read_text() if recorded.is_file() else None)
    if not download_if_missing:
        _check_present(path, known, remote)
    cache = pooch.create(
        path.parent,
        base_url="",
        registry={path.name: known},
        urls={path.name: remote.url},
    )

    def download(url, output_file, _):
        _download(remote, path, output_file, known, n_retries, delay)

    try:
        cache.fetch(path.name, downloader=download)
    except ValueError as error:
        raise ValueError(
            f"The file from {remote.url} has another SHA-256 than {known}, so it was "
            "changed, or damaged on the way, and was not kept. Try again; to accept "
            f"a new version of the data, delete {str(recorded)!r}."
        ) from error
    if known is None:
        recorded.write_text(pooch.file_hash(str(path)))
    return path


def _check_present(path, known, remote):
    pooch = import_optional("pooch", extra="data")
    if not path.is_file():
        raise OSError(
            f"{str(path)!r} is not there and `download_if_missing` is False. Pass "
            f"True, or download {remote.url} by hand and save it under this name."
        )
    if known and pooch.file_hash(str(path)) != known:
        raise OSError(
            f"{str(path)!r} has another SHA-256 than {known}, so it was changed or is "
            "damaged, and `download_if_missing` is False. Pass True, or download "
            f"{remote.url} by hand and save it under this name."
        )


def _download(remote, path, output_file, known, n_retries, delay):
    """Write the file, piece by piece where the connection breaks off."""
    requests = import_optional("requests", extra="data")
    part = path.with_name(path.name + ".part")
    for attempt in range(n_retries + 1):
        try:
            _append(remote.url, part, is_known=known is not None)
        except requests.RequestException as error:
            if attempt < n_retries and _may_pass(error):
                time.sleep(delay * 2**attempt)
                continue
            raise OSError(
                f"Could not download {remote.url}: {error}. Check the connection and "
                "try again, which goes on where it stopped; or download the file by "
                f"hand and save it as {str(path)!r}."
            ) from error
        os.replace(part, output_file)
        _stamp_file(part).unlink(missing_ok=True)
        return


def _may_pass(error):
    """Tell whether an error may be gone the next time."""
    status = getattr(error.response, "status_code", None)
    return status is None or status in (408, 416, 429) or status >= 500


def _append(url, part, *, is_known):
    """Go on with a part, or begin it again where that is not safe."""
    requests = import_optional("requests", extra="data")
    stamp_file = _stamp_file(part)
    stamp = stamp_file.read_text() if stamp_file.is_file() else ""
    # Without a stamp or a checksum, two versions could be joined unnoticed.
    start = part.stat().st_size if part.is_file() and (stamp or is_known) else 0
    headers = {"Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
        headers |= {"If-Range": stamp} if stamp else {}
    with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT) as response:
        if response.status_code == 416:
            part.unlink(missing_ok=True)
        response.raise_for_status()
        if response.status_code != 206:
            start = 0
            stamp_file.write_text(_read_stamp(response.headers))
        elif not response.headers.get("Content-Range", "").startswith(
            f"bytes {start}-"
        ):
            part.unlink()
            raise requests.ConnectionError("the server sent another range")
        with part.open("ab" if start else "wb") as file:
            for chunk in response.iter_content(_CHUNK):
                file.write(chunk)
        size = response.headers.get("Content-Length")
    if size is not None and part.stat().st_size != start + int(size):
        raise requests.ConnectionError("the connection broke off")


def _stamp_file(part):
    return part.with_name(part.name + ".stamp")


def _read_stamp(headers):
    """Return what tells versions of a file apart, if the server says it."""
    etag = headers.get("ETag", "")
    return (
        etag if etag and not etag.startswith("W/") else headers.get("Last-Modified", "")
    )
