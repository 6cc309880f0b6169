"""Whole runs as a user starts them: what is written, that it does not depend on how it is run, and what a bad symbol does."""
import json
import os
import signal
import subprocess
import time

import numpy as np
import pandas as pd
import pytest

SPEC = """[universe]
input = "{input}"
[features]
set = "alpha158"
[label]
expression = "Ref($close,-2)/Ref($close,-1)-1"
[split]
method = "walk_forward"
train_days = 300
test_days = 120
[model]
learner = "forest"
scope = "{scope}"
params = {{ num_trees = 12, max_depth = 5 }}
seed = 42
"""
RESULTS = ("predictions.parquet", "model.hyt", "metrics.json")
ROWS = 700


@pytest.fixture
def bars(prices, tmp_path):
    """The last 700 days of the bundled series, one file each; the index ends on other dates than the stocks."""
    folder = tmp_path / "bars"
    folder.mkdir()
    for path in prices.glob("*.csv"):
        pd.read_csv(path, dtype=str).tail(ROWS).to_csv(folder / path.name, index=False)
    return folder


@pytest.fixture
def start(hayate, tmp_path):
    """start("name", input, ...) runs the spec into tmp_path/name and returns that folder."""
    def call(name, input_, *flags, scope="symbol", exit=0):
        (tmp_path / f"{name}.toml").write_text(SPEC.format(input=input_, scope=scope))
        hayate("run", tmp_path / f"{name}.toml", "--run-dir", tmp_path / name, *flags, exit=exit)
        return tmp_path / name

    return call


def results(folder):
    return {name: (folder / name).read_bytes() for name in RESULTS}


def predictions(folder):
    return pd.read_parquet(folder / "predictions.parquet").astype({"symbol": str})


@pytest.mark.parametrize("scope", ["symbol", "pooled"])
def test_a_run_writes_everything_and_every_row_is_right(start, bars, scope):
    folder = start("run", bars / "*.csv", scope=scope)
    assert {p.name for p in folder.iterdir()} == {"manifest", "report.html", "failures.json", "events.jsonl", *RESULTS}
    table = predictions(folder)
    assert not table.duplicated(["symbol", "date"]).any() and np.isfinite(table["prediction"]).all()
    for path in bars.glob("*.csv"):
        close = pd.read_csv(path)["close"].to_numpy()
        label = np.append(close[2:] / close[1:-1] - 1, [np.nan, np.nan])
        mine = table[table["symbol"] == path.stem]
        np.testing.assert_allclose(mine["label"], label[-len(mine):], rtol=1e-12)
        if scope == "symbol":
            assert len(mine) == ROWS - 302 and mine.groupby("fold").size().to_list() == [120, 120, 120, 38]
    metrics = json.loads((folder / "metrics.json").read_text())
    scored = table.dropna(subset=["label"])
    error = scored["prediction"] - scored["label"]
    assert metrics["rows"] == len(scored) and metrics["metrics"]["rmse"] == pytest.approx(np.sqrt((error**2).mean()), rel=1e-12)
    daily = scored.groupby("date").filter(lambda d: len(d) > 1).groupby("date")
    assert metrics["metrics"]["ic"] == pytest.approx(daily.apply(lambda d: d["prediction"].corr(d["label"])).mean(), rel=1e-9)
    assert json.loads((folder / "failures.json").read_text()) == []
    report = (folder / "report.html").read_text()
    assert all(path.stem in report for path in bars.glob("*.csv")) and "https://" not in report


def test_how_it_is_run_changes_no_byte(start, bars, tmp_path):
    want = results(start("want", bars / "*.csv"))
    shuffled = tmp_path / "shuffled"
    shuffled.mkdir()
    for path in bars.glob("*.csv"):
        pd.read_csv(path, dtype=str).sample(frac=1, random_state=1).to_csv(shuffled / path.name, index=False)
    one = pd.concat([pd.read_csv(path).assign(symbol=path.stem) for path in sorted(bars.glob("*.csv"), reverse=True)])
    one.to_parquet(tmp_path / "one.parquet")
    assert results(start("one_worker", bars, "--workers", "1")) == want
    assert results(start("five_workers", bars, "--workers", "5", "--batch-symbols", "1", "--memory-limit", "1GB")) == want
    assert results(start("shuffled_rows", shuffled / "*.csv")) == want
    assert results(start("one_file", tmp_path / "one.parquet")) == want


@pytest.mark.parametrize("isa", ["baseline", "avx2"])
def test_the_instruction_set_changes_no_byte(start, bars, isa, binary):
    want = results(start("want", bars / "*.csv"))
    got = subprocess.run([binary, "run", bars.parent / "want.toml", "--run-dir", bars.parent / isa], env={**os.environ, "HAYATE_ISA": isa}, capture_output=True)
    assert got.returncode == 0 and results(bars.parent / isa) == want


def test_a_bad_symbol_is_named_and_touches_nobody_else(start, bars):
    want = predictions(start("want", bars / "*.csv"))
    good = pd.read_csv(bars / "IBM.csv")
    bad = {
        "TWICE": pd.concat([good, good.tail(1)]), "NEGATIVE": good.assign(close=-good["close"]), "CROSSED": good.assign(high=good["low"] / 2),
        "INFINITE": good.assign(open=np.where(good.index == 5, np.inf, good["open"])), "NOROWS": good.head(0), "ONEROW": good.head(1),
        "WORDS": good.assign(volume="many"),
    }
    for name, table in bad.items():
        table.to_csv(bars / f"{name}.csv", index=False)
    (bars / "BINARY.csv").write_bytes(bytes(range(256)) * 9)
    (bars / "UNSORTED.csv").write_text(good.sample(frac=1, random_state=0).to_csv(index=False))
    folder = start("poisoned", bars / "*.csv", exit=3)
    failures = json.loads((folder / "failures.json").read_text())
    assert {f["symbol"] for f in failures} == {*bad, "BINARY"}
    assert all(f["kind"] and f["what"] for f in failures)
    got = predictions(folder)
    for symbol in want["symbol"].unique():
        a, b = (t[t["symbol"] == symbol].reset_index(drop=True) for t in (want, got))
        pd.testing.assert_frame_equal(a, b)
    assert got["symbol"].eq("UNSORTED").any()


def test_every_symbol_bad_is_an_error(start, bars, hayate, tmp_path):
    for path in bars.glob("*.csv"):
        pd.read_csv(path).assign(low=-1).to_csv(path, index=False)
    start("hopeless", bars / "*.csv", exit=1)
    assert not (tmp_path / "hopeless" / "predictions.parquet").exists()


def test_a_folder_belongs_to_one_spec(start, bars, hayate, tmp_path):
    start("first", bars / "*.csv")
    (tmp_path / "other.toml").write_text(SPEC.format(input=bars, scope="pooled"))
    said = hayate("run", tmp_path / "other.toml", "--run-dir", tmp_path / "first", exit=2).stderr
    assert "another spec" in said and "--run-dir" in said


def test_an_interrupt_ends_cleanly(binary, bars, tmp_path):
    (tmp_path / "long.toml").write_text(SPEC.format(input=bars, scope="symbol").replace("num_trees = 12", "num_trees = 100000"))
    running = subprocess.Popen([binary, "run", tmp_path / "long.toml", "--run-dir", tmp_path / "long"], stderr=subprocess.PIPE, text=True)
    while not (tmp_path / "long" / "manifest").exists():
        time.sleep(0.01)
    time.sleep(0.3)
    running.send_signal(signal.SIGTERM)
    _, said = running.communicate(timeout=10)
    assert running.returncode == 143 and "interrupted" in said
    assert not (tmp_path / "long" / "predictions.parquet").exists()


def test_predict_on_new_bars_equals_the_last_fold(start, bars, hayate, tmp_path):
    folder = start("run", bars / "*.csv")
    hayate("predict", "--run", folder, "--input", bars / "*.csv", "--output", tmp_path / "new.parquet")
    new = pd.read_parquet(tmp_path / "new.parquet").astype({"symbol": str})
    assert len(new) == 4 * ROWS
    last = predictions(folder).query("fold == 3").merge(new, on=["symbol", "date"], suffixes=("", "_new"))
    assert len(last) == 4 * 38 and (last["prediction"] == last["prediction_new"]).all()


def test_a_small_memory_limit_is_refused_with_the_number_that_would_do(bars, hayate, tmp_path):
    (tmp_path / "big.toml").write_text(SPEC.format(input=bars, scope="symbol").replace("num_trees = 12", "num_trees = 100000"))
    said = hayate("run", tmp_path / "big.toml", "--run-dir", tmp_path / "big", "--memory-limit", "100MB", exit=4).stderr
    assert "try: --memory-limit" in said and "MB would do" in said


def tasks(hayate, folder):
    return {t["key"]: t["state"] for t in json.loads(hayate("explain", folder, "--json").stdout)["tasks"]}


def test_a_cache_gives_the_same_bytes_and_never_an_old_answer(start, bars, hayate, tmp_path):
    cache = ("--cache", tmp_path / "cache")
    first, second = start("first", bars / "*.csv", *cache), start("second", bars / "*.csv", *cache)
    assert results(first) == results(second) == results(start("without", bars / "*.csv", "--cache", "off"))
    assert set(tasks(hayate, first).values()) == {"run"} and set(tasks(hayate, second).values()) == {"reused"}
    table = pd.read_csv(bars / "IBM.csv", dtype=str)
    table.loc[table.index[-1], "close"] = str(float(table["close"].iloc[-1]) + 0.01)
    table.to_csv(bars / "IBM.csv", index=False)
    assert tasks(hayate, start("changed", bars / "*.csv", *cache)) == {"AAPL": "reused", "IBM": "run", "MSFT": "reused", "sp500": "reused"}
    for entry in (tmp_path / "cache").rglob("*.result"):
        entry.write_bytes(entry.read_bytes()[:-1])
    assert set(tasks(hayate, start("damaged", bars / "*.csv", *cache)).values()) == {"run"}
    assert json.loads(hayate("cache", "clear", *cache, "--json").stdout)["entries"] == 0


def test_a_killed_run_is_resumed_to_the_same_bytes(start, bars, binary, hayate, tmp_path):
    want = results(start("want", bars / "*.csv", "--cache", "off"))
    for pause in (0.02, 0.1, 0.2):
        folder = tmp_path / f"killed{pause}"
        running = subprocess.Popen([binary, "run", tmp_path / "want.toml", "--run-dir", folder, "--cache", "off", "--workers", "1", "--quiet"], stdout=subprocess.DEVNULL)
        while not (folder / "manifest").exists():
            time.sleep(0.005)
        time.sleep(pause)
        running.kill()
        running.wait()
        if (folder / "manifest").read_bytes():
            hayate("resume", folder)
        else:
            start(folder.name, bars / "*.csv", "--cache", "off")
        assert results(folder) == want
        assert not (folder / "tasks").exists()
        assert "finished" in hayate("resume", folder).stdout


def kill_in_training(binary, folder, spec, cwd):
    """Starts a run whose paths are relative to `cwd`, and kills it once a task is finished."""
    running = subprocess.Popen([binary, "run", spec, "--run-dir", folder, "--cache", "off", "--workers", "1", "--quiet"], cwd=cwd, stdout=subprocess.DEVNULL)
    manifest = cwd / folder / "manifest"
    while running.poll() is None and not (manifest.exists() and b'"task"' in manifest.read_bytes()):
        time.sleep(0.002)
    running.kill()
    running.wait()


def test_a_run_is_resumed_from_any_folder(bars, binary, hayate, tmp_path):
    (tmp_path / "here.toml").write_text(SPEC.format(input="bars/*.csv", scope="symbol").replace("num_trees = 12", "num_trees = 60"))
    hayate("run", "here.toml", "--run-dir", "want", "--cache", "off", cwd=tmp_path)
    kill_in_training(binary, "killed", "here.toml", tmp_path)
    (tmp_path / "elsewhere").mkdir()
    hayate("resume", "../killed", "--metrics-file", "run.prom", cwd=tmp_path / "elsewhere")
    assert results(tmp_path / "killed") == results(tmp_path / "want")
    assert "hayate_run_symbols 4\n" in (tmp_path / "elsewhere/run.prom").read_text()
    assert "reused" in tasks(hayate, tmp_path / "killed").values()


def test_a_second_process_on_a_run_folder_is_refused(bars, binary, hayate, tmp_path):
    (tmp_path / "long.toml").write_text(SPEC.format(input=bars, scope="symbol").replace("num_trees = 12", "num_trees = 20000"))
    running = subprocess.Popen([binary, "run", tmp_path / "long.toml", "--run-dir", tmp_path / "long", "--quiet"])
    while not (tmp_path / "long" / "manifest").exists():
        time.sleep(0.005)
    for command in (("run", tmp_path / "long.toml", "--run-dir", tmp_path / "long"), ("resume", tmp_path / "long")):
        assert "another process is running in this folder" in hayate(*command, exit=1).stderr
    running.kill()
    running.wait()


def test_a_task_that_takes_too_long_is_tried_once_more_and_listed(binary, bars, tmp_path):
    slow = tmp_path / "slow.toml"
    slow.write_text(SPEC.format(input=bars / "*.csv", scope="symbol").replace("num_trees = 12", "num_trees = 100000"))
    folder = tmp_path / "slow"
    began = time.monotonic()
    done = subprocess.run([binary, "run", slow, "--run-dir", folder, "--timeout", "100ms", "--cache", "off"], capture_output=True, text=True)
    assert done.returncode == 1 and "every symbol failed (4 timeout)" in done.stderr and time.monotonic() - began < 10


def test_a_run_whose_bars_changed_is_not_resumed(start, bars, binary, hayate, tmp_path):
    (tmp_path / "long.toml").write_text(SPEC.format(input=bars, scope="symbol").replace("num_trees = 12", "num_trees = 3000"))
    running = subprocess.Popen([binary, "run", tmp_path / "long.toml", "--run-dir", tmp_path / "long", "--quiet"])
    while b"inputs" not in ((tmp_path / "long" / "manifest").read_bytes() if (tmp_path / "long" / "manifest").exists() else b""):
        time.sleep(0.005)
    running.kill()
    running.wait()
    table = pd.read_csv(bars / "IBM.csv", dtype=str)
    table.head(ROWS - 1).to_csv(bars / "IBM.csv", index=False)
    assert "not those that this run began with" in hayate("resume", tmp_path / "long", exit=1).stderr
