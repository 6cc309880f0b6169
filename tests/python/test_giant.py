"""A symbol that is fifty times as long as the others is shared out, and nothing but the clock notices."""
import json

import numpy as np
import pandas as pd
import pytest

SPEC = """[universe]
input = "{bars}"
[features]
set = "alpha158"
[split]
train_days = 300
test_days = 600
[model]
params = {{ num_trees = 6, max_depth = 6 }}
"""


@pytest.fixture(scope="module")
def bars(tmp_path_factory):
    """Four symbols of 900 days and one of 45,000."""
    draw, parts = np.random.default_rng(6), []
    for symbol, rows in [("LONG", 45_000), *((f"S{i}", 900) for i in range(4))]:
        close = 100 * np.exp(np.cumsum(draw.normal(0, 0.005, rows)))
        open_ = close * np.exp(draw.normal(0, 0.003, rows))
        parts.append(pd.DataFrame({"symbol": symbol, "date": pd.bdate_range("1800-01-01", periods=rows), "open": open_, "high": np.maximum(open_, close) * 1.001,
                                   "low": np.minimum(open_, close) * 0.999, "close": close, "volume": draw.integers(1000, 9000, rows).astype(float)}))
    path = tmp_path_factory.mktemp("giant") / "bars.parquet"
    pd.concat(parts).to_parquet(path)
    return path


def test_two_workers_share_the_folds_of_a_giant_to_the_same_bytes(hayate, tmp_path, bars):
    (tmp_path / "job.toml").write_text(SPEC.format(bars=bars))
    for workers in ("1", "2"):
        hayate("run", tmp_path / "job.toml", "--run-dir", tmp_path / workers, "--cache", "off", "--workers", workers)
    for name in ("predictions.parquet", "model.hyt", "metrics.json"):
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "2" / name).read_bytes(), name
    events = [json.loads(line) for line in (tmp_path / "2" / "events.jsonl").read_text().splitlines()]
    pieces = [e for e in events if e["event"] == "task" and e["key"].startswith("LONG")]
    assert {e["worker"] for e in pieces} == {0, 1}
    spent = sum(e["end_s"] - e["begin_s"] for e in pieces)
    wall = max(e["end_s"] for e in pieces) - min(e["begin_s"] for e in pieces)
    assert spent > 1.6 * wall, f"{spent:.2f} s of work in {wall:.2f} s"


def test_features_of_a_giant_in_stretches_of_rows_are_the_same_bytes(hayate, tmp_path, bars):
    for workers in ("1", "2", "5"):
        hayate("features", "--input", bars, "--set", "alpha158", "--label", "L=Ref($close,-2)/Ref($close,-1)-1", "--output", tmp_path / f"{workers}.parquet", "--workers", workers)
    assert (tmp_path / "1.parquet").read_bytes() == (tmp_path / "2.parquet").read_bytes() == (tmp_path / "5.parquet").read_bytes()
