"""Fetching from a server: what comes is held to its hash, and kept only when it is right."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from typer.testing import CliRunner

from evallib.cli import app
from evallib.errors import DataError
from evallib.panel.fetch import fetch_publication

RUNNER = CliRunner()
CONTENT = b"council_code,value\nE06000001,1\n"
DIGEST = hashlib.sha256(CONTENT).hexdigest()
OTHER = hashlib.sha256(b"another vintage").hexdigest()


class Publisher(BaseHTTPRequestHandler):
    asked: list[str] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        found = self.path.startswith("/statistics/")
        self.send_response(200 if found else 404)
        self.end_headers()
        self.wfile.write(CONTENT if found else b"gone")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def address(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    Publisher.asked = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Publisher)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_file_is_fetched_once(address: str, tmp_path: Path) -> None:
    url = f"{address}/statistics/waste%202023.csv"
    path = fetch_publication(url, DIGEST.upper(), tmp_path / "new")
    assert (path.name, path.read_bytes()) == ("waste 2023.csv", CONTENT)
    assert fetch_publication(url, DIGEST, tmp_path / "new") == path
    assert len(Publisher.asked) == 1


def test_a_wrong_hash_keeps_nothing(address: str, tmp_path: Path) -> None:
    url = f"{address}/statistics/waste.csv"
    with pytest.raises(DataError) as caught:
        fetch_publication(url, OTHER, tmp_path)
    assert len(caught.value.faults) == 1
    said = str(caught.value)
    assert all(word in said for word in (url, DIGEST[:12], OTHER[:12], "was not kept", "revised"))
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_differs_is_left_alone(address: str, tmp_path: Path) -> None:
    mine = tmp_path / "waste.csv"
    mine.write_bytes(b"mine")
    with pytest.raises(DataError, match="is there already"):
        fetch_publication(f"{address}/statistics/waste.csv", DIGEST, tmp_path)
    assert mine.read_bytes() == b"mine"
    assert Publisher.asked == []


@pytest.mark.parametrize(
    ("path", "digest", "words"),
    [
        ("/elsewhere/waste.csv", DIGEST, "the server answers 404"),
        ("/statistics/waste.csv", "abc", "64 hexadecimal digits"),
        ("/", DIGEST, "not the address of a file"),
    ],
)
def test_the_command_ends_plainly(
    address: str, path: str, digest: str, words: str, tmp_path: Path
) -> None:
    done = RUNNER.invoke(app, ["fetch", address + path, "--sha256", digest, "--to", str(tmp_path)])
    assert done.exit_code == 2
    assert words in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_the_command_prints_the_path(address: str, tmp_path: Path) -> None:
    url = f"{address}/statistics/waste.csv"
    done = RUNNER.invoke(app, ["fetch", url, "--sha256", DIGEST, "--to", str(tmp_path)])
    assert done.exit_code == 0, done.stderr
    assert done.stdout.strip().endswith("waste.csv")


def test_nobody_listens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with pytest.raises(DataError, match="cannot be fetched"):
        fetch_publication("http://127.0.0.1:9/waste.csv", DIGEST, tmp_path)
    with pytest.raises(DataError, match="not the address"):
        fetch_publication("file:///etc/hostname", DIGEST, tmp_path)
