"""A local server of bytes that can fail, break off, redirect and go on."""

from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


class FileServer:
    """Files by path, and faults that each hit one request.

    Parameters
    ----------
    files : dict of str to bytes
        What is served.

    Attributes
    ----------
    faults : dict of str to list
        Per path: a status code, or "cut" to close the connection half-way, used up
        in order.

    redirects : dict of str to str
        Paths that answer with another.

    answers : dict of str to callable
        Paths with an answer of their own, a function of the request's handler.

    requests : list of (str, str or None)
        The paths asked for, with the header Range.

    ranges : bool
        Whether the header Range is heeded.

    stamp : str or None
        The ETag.
    """

    def __init__(self, files):
        self.files, self.faults, self.redirects = files, {}, {}
        self.answers = {}
        self.requests, self.ranges, self.stamp = [], True, '"v1"'
        self.url = None

    def answer(self, handler):
        path, wanted = handler.path, handler.headers["Range"]
        self.requests.append((path, wanted))
        fault = self.faults.get(path, [])
        fault = fault.pop(0) if fault else None
        if path in self.answers:
            # A client that hangs up early is what some tests are about.
            with suppress(BrokenPipeError, ConnectionResetError):
                self.answers[path](handler)
        elif path in self.redirects:
            handler.send_response(302)
            handler.send_header("Location", self.redirects[path])
            handler.send_header("Content-Length", "0")
            handler.end_headers()
        elif isinstance(fault, int) or path not in self.files:
            handler.send_error(fault or 404)
        else:
            self.send(handler, self.files[path], wanted, is_cut=fault == "cut")

    def send(self, handler, content, wanted, *, is_cut):
        is_same = handler.headers["If-Range"] in (None, self.stamp)
        start = 0
        if wanted and self.ranges and is_same:
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
        if start and start >= len(content):
            handler.send_error(416)
            return
        handler.send_response(206 if start else 200)
        if start:
            last = len(content) - 1
            handler.send_header("Content-Range", f"bytes {start}-{last}/{len(content)}")
        if self.stamp:
            handler.send_header("ETag", self.stamp)
        body = content[start:]
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body[: len(body) // 2] if is_cut else body)


@contextmanager
def serve(files):
    """Serve files on a free port until the block ends.

    Parameters
    ----------
    files : dict of str to bytes
        Path to content.

    Yields
    ------
    server : FileServer
        The server; its attribute `url` has no slash at the end.
    """
    server = FileServer(files)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            server.answer(self)

        def log_message(self, *args):
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True  # an answer that lasts is not waited for
    server.url = f"http://127.0.0.1:{http.server_port}"
    thread = Thread(
        target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
    )
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        thread.join(timeout=30)
        http.server_close()
