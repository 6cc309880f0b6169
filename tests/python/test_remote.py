"""Inputs from a web server on loopback: what is read there is what is read from the disk, and what goes wrong is said."""
import http.server
import pathlib
import threading

import pytest

PRICES = pathlib.Path(__file__).resolve().parents[2] / "examples/prices"


class Handler(http.server.BaseHTTPRequestHandler):
    """/AAPL.csv: the file; /moved/AAPL.csv: a redirect to it; /torn.csv: half of what the header promises; anything else: 404."""

    def do_GET(self):
        path = self.path.partition("?")[0]
        if path.startswith("/moved/"):
            self.send_response(302)
            self.send_header("Location", path.removeprefix("/moved"))
            return self.end_headers()
        if path == "/secret.csv":
            self.send_error(403)
            return None
        file = PRICES / ("AAPL.csv" if path == "/torn.csv" else path.lstrip("/"))
        if not file.is_file():
            self.send_error(404)
            return None
        body = file.read_bytes()
        self.send_response(200)
        self.send_header("Content-Length", len(body))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if path == "/torn.csv" else body)
        return None

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{listening.server_port}"
        listening.shutdown()


def test_a_file_is_what_it_is_on_the_disk(hayate, server, tmp_path):
    here, there, moved = (tmp_path / name for name in ("here.csv", "there.csv", "moved.csv"))
    hayate("convert", PRICES / "AAPL.csv", here)
    hayate("convert", f"{server}/AAPL.csv", there)
    hayate("convert", f"{server}/moved/AAPL.csv?token=x", moved)
    assert here.read_bytes() == there.read_bytes() == moved.read_bytes()


def test_symbols_are_named_by_the_files(hayate, server, tmp_path):
    hayate("features", "--input", f"{server}/AAPL.csv", "--input", f"{server}/MSFT.csv", "--expr", "m=Mean($close,5)", "--output", tmp_path / "there.parquet")
    hayate("features", "--input", PRICES / "AAPL.csv", "--input", PRICES / "MSFT.csv", "--expr", "m=Mean($close,5)", "--output", tmp_path / "here.parquet")
    assert (tmp_path / "there.parquet").read_bytes() == (tmp_path / "here.parquet").read_bytes()


@pytest.mark.parametrize("path, what", [("none.csv", "the server answers 404"), ("secret.csv", "the server answers 403"), ("torn.csv", "cannot be downloaded")])
def test_what_goes_wrong_is_said_with_the_address(hayate, server, path, what):
    failed = hayate("head", f"{server}/{path}", exit=None)
    assert failed.returncode != 0
    assert what in failed.stderr and f"at: {server}/{path}" in failed.stderr and "try: " in failed.stderr


def test_an_error_inside_a_file_names_the_address(hayate, server, tmp_path):
    failed = hayate("features", "--input", f"{server}/AAPL.csv", "--expr", "x=$clos", "--output", tmp_path / "x.parquet", exit=None)
    assert failed.returncode != 0 and "hayate_" not in failed.stderr


def test_nothing_listens(hayate):
    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as closed:
        port = closed.server_port
    failed = hayate("head", f"http://127.0.0.1:{port}/x.csv", exit=None)
    assert failed.returncode != 0 and "cannot be downloaded" in failed.stderr


def test_copies_are_gone_when_the_command_ends(hayate, server, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    hayate("head", f"{server}/AAPL.csv")
    hayate("head", f"{server}/none.csv", exit=None)
    assert not list(tmp_path.iterdir())


def test_a_web_server_takes_no_output(hayate, server):
    failed = hayate("convert", PRICES / "AAPL.csv", f"{server}/out.csv", exit=None)
    assert failed.returncode == 2 and "nothing can be written to a web server" in failed.stderr
