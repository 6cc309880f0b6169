"""Inputs from and outputs to an object store: moto's S3 server on loopback, asked by Arrow's client."""
import pathlib
import socket
import subprocess
import sys
import time
import urllib.request

import pytest

PRICES = pathlib.Path(__file__).resolve().parents[2] / "examples/prices"


@pytest.fixture(scope="module")
def store():
    """store("a/b.csv"): the address of a key in an empty bucket."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen([sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            try:
                urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{port}/prices", method="PUT"), timeout=5).close()
                break
            except OSError:
                time.sleep(0.1)
        yield lambda key, bucket="prices": f"s3://{bucket}/{key}?endpoint_override=127.0.0.1:{port}&scheme=http"
    finally:
        server.kill()
        server.wait()


@pytest.fixture(autouse=True)
def credentials(monkeypatch):
    for name, value in {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true"}.items():
        monkeypatch.setenv(name, value)


def test_what_was_written_is_read_back(hayate, store, tmp_path):
    for kind in ("csv", "zstd.parquet", "feather"):
        hayate("convert", PRICES / "AAPL.csv", store(f"one/AAPL.{kind}"))
        hayate("convert", store(f"one/AAPL.{kind}"), tmp_path / f"{kind}.csv")
        assert (tmp_path / f"{kind}.csv").read_bytes() == (tmp_path / "csv.csv").read_bytes()


def test_globs_and_folders_are_files_with_their_names(hayate, store, tmp_path):
    for symbol in ("AAPL", "MSFT"):
        hayate("convert", PRICES / f"{symbol}.csv", store(f"two/{symbol}.parquet"))
    here = ["--input", PRICES / "AAPL.csv", "--input", PRICES / "MSFT.csv"]
    for name, inputs in {"here": here, "glob": ["--input", store("two/*.parquet")], "folder": ["--input", store("two")]}.items():
        hayate("features", *inputs, "--expr", "m=Mean($close,5)", "--output", tmp_path / f"{name}.parquet")
    assert (tmp_path / "here.parquet").read_bytes() == (tmp_path / "glob.parquet").read_bytes() == (tmp_path / "folder.parquet").read_bytes()


def test_what_is_not_there_is_said(hayate, store):
    for address, what in ((store("none.csv"), "no such file"), (store("none*.csv"), "nothing there"), (store("x.csv", bucket="nobody"), "no such file")):
        failed = hayate("head", address, exit=None)
        assert failed.returncode == 1 and what in failed.stderr and "at: s3://" in failed.stderr and "try: " in failed.stderr
    failed = hayate("convert", PRICES / "AAPL.csv", store("x.csv", bucket="nobody"), exit=None)
    assert failed.returncode != 0 and "NO_SUCH_BUCKET" in failed.stderr


def test_an_output_that_fails_leaves_nothing(hayate, store, tmp_path):
    (tmp_path / "bad.csv").write_text("a,b\n1,2\n3\n")
    hayate("convert", tmp_path / "bad.csv", store("three/bad.csv"), exit=None)
    failed = hayate("head", store("three/bad.csv"), exit=None)
    assert failed.returncode == 1 and "no such file" in failed.stderr
