import hashlib
import re
import socket
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from torchsmith.core.errors import DataError
from torchsmith.core.observer import Observer
from torchsmith.data.download import fetch

CONTENT = bytes(range(256)) * 4000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Server(ThreadingHTTPServer):
    """Serves `CONTENT`, cut off after `cuts[n]` bytes at the n-th request."""

    def __init__(self, *, ranges=True, cuts=()):
        super().__init__(("127.0.0.1", 0), Handler)
        self.ranges = ranges
        self.cuts = list(cuts)
        self.asked: list[str | None] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/set.bin"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        wanted = self.headers.get("Range")
        server.asked.append(wanted)
        if self.path != "/set.bin":
            if self.path == "/moved":
                self.send_response(302)
                self.send_header("Location", "/set.bin")
                self.end_headers()
                return
            self.send_error(404)
            return
        start = 0
        if wanted and server.ranges:
            start = int(re.fullmatch(r"bytes=(\d+)-", wanted)[1])
            if start >= len(CONTENT):
                self.send_error(416)
                return
            self.send_response(206)
            last = len(CONTENT) - 1
            self.send_header("Content-Range", f"bytes {start}-{last}/{len(CONTENT)}")
        else:
            self.send_response(200)
        body = CONTENT[start:]
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: server.cuts.pop(0)] if server.cuts else body)

    def log_message(self, *args):
        pass


@contextmanager
def serving(**options):
    with Server(**options) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


class Recorder(Observer):
    def __init__(self):
        self.stages = []
        self.done = []

    def stage(self, title, total=None):
        self.stages.append((title, total))

    def advance(self, done):
        self.done.append(done)


def test_a_file_is_downloaded_with_progress(tmp_path):
    recorder = Recorder()
    with serving() as server:
        fetch(server.url, tmp_path / "new" / "a", sha256=SHA256, observer=recorder)
    assert (tmp_path / "new" / "a").read_bytes() == CONTENT
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["a"]
    assert recorder.stages == [("Downloading a", len(CONTENT))]
    assert recorder.done == sorted(recorder.done)
    assert recorder.done[-1] == len(CONTENT)


@pytest.mark.parametrize("ranges", [True, False])
def test_a_cut_connection_is_taken_up_again(tmp_path, ranges):
    with serving(ranges=ranges, cuts=[300_000]) as server:
        fetch(server.url, tmp_path / "a", md5=hashlib.md5(CONTENT).hexdigest())
        assert server.asked == [None, "bytes=300000-"]
    assert (tmp_path / "a").read_bytes() == CONTENT


def test_a_later_call_goes_on_where_an_earlier_one_stopped(tmp_path):
    with serving(cuts=[300_000, 0]) as server:
        with pytest.raises(DataError, match=r"cut after .* of 1,024,000 bytes.* kept"):
            fetch(server.url, tmp_path / "a", sha256=SHA256)
        assert (tmp_path / "a.part").read_bytes() == CONTENT[:300_000]
        assert not (tmp_path / "a").exists()
        fetch(server.url, tmp_path / "a", sha256=SHA256)
        assert server.asked == [None, *["bytes=300000-"] * 2]
    assert (tmp_path / "a").read_bytes() == CONTENT


def test_a_server_that_always_cuts_and_cannot_resume_is_given_up(tmp_path):
    with serving(ranges=False, cuts=[300_000] * 9) as server:
        with pytest.raises(DataError, match=r"cut after 300,000 of 1,024,000 bytes"):
            fetch(server.url, tmp_path / "a", sha256=SHA256)
        assert len(server.asked) == 2


def test_a_part_that_is_already_too_long_is_started_anew(tmp_path):
    (tmp_path / "a.part").write_bytes(CONTENT + b"x")
    with serving() as server:
        fetch(server.url, tmp_path / "a", sha256=SHA256)
    assert (tmp_path / "a").read_bytes() == CONTENT


def test_a_wrong_hash_deletes_what_came(tmp_path):
    with serving() as server, pytest.raises(DataError) as caught:
        fetch(server.url, tmp_path / "a", sha256="0" * 64)
    assert SHA256 in str(caught.value)
    assert "expected " + "0" * 64 in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_redirect_is_followed(tmp_path):
    with serving() as server:
        url = server.url.replace("set.bin", "moved")
        fetch(url, tmp_path / "a", sha256=SHA256)
    assert (tmp_path / "a").read_bytes() == CONTENT


def test_a_missing_file_is_told(tmp_path):
    with serving() as server, pytest.raises(DataError, match="answers 404"):
        fetch(server.url + ".gz", tmp_path / "a", sha256=SHA256)
    assert list(tmp_path.iterdir()) == []


def test_no_network_is_told_with_what_to_do(tmp_path):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        with pytest.raises(DataError, match=r"refused.*put a into") as caught:
            fetch(f"http://127.0.0.1:{port}/a", tmp_path / "a", sha256=SHA256)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://x/y", "/etc/passwd"])
def test_only_http_is_spoken(tmp_path, url):
    with pytest.raises(DataError, match="only http and https"):
        fetch(url, tmp_path / "a", sha256=SHA256)


def test_nothing_is_downloaded_without_a_hash(tmp_path):
    with pytest.raises(DataError, match="without a hash"):
        fetch("http://127.0.0.1:1/a", tmp_path / "a")


def test_a_file_is_locked_until_it_has_its_name(tmp_path, monkeypatch):
    hashed = hashlib.file_digest

    def digest(file, name):
        with pytest.raises(DataError, match="by another process"):
            fetch("http://127.0.0.1:1/a", tmp_path / "a", sha256=SHA256)
        return hashed(file, name)

    monkeypatch.setattr(hashlib, "file_digest", digest)
    with serving() as server:
        fetch(server.url, tmp_path / "a", sha256=SHA256)
    assert (tmp_path / "a").read_bytes() == CONTENT


def test_a_file_that_became_whole_before_it_was_locked_is_left_alone(
    tmp_path, monkeypatch
):
    whole, part = tmp_path / "a", tmp_path / "a.part"

    def flock(file, operation):
        part.write_bytes(CONTENT)
        part.replace(whole)

    monkeypatch.setattr("fcntl.flock", flock)
    with pytest.raises(DataError, match="by another process"):
        fetch("http://127.0.0.1:1/a", whole, sha256=SHA256)
    assert whole.read_bytes() == CONTENT


def test_two_downloads_of_one_file_do_not_mix(tmp_path):
    import fcntl

    with (tmp_path / "a.part").open("ab") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(DataError, match="by another process"):
            fetch("http://127.0.0.1:1/a", tmp_path / "a", sha256=SHA256)
