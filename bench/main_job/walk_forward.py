"""The main job as a careful Python user writes it today: features, a forest per symbol and fold, out-of-sample predictions, metrics.

Two processes over symbols with joblib, float32 features, one read of the file, nothing computed twice. scikit_learn.py and its
neighbours call run() with their own features and forest.
"""
import json
import sys
import time

import joblib
import numpy as np
import pandas as pd

EVERY = 25      # symbols of the universe that are done: every 25th, long and short histories as they come
TRAIN_DAYS, TEST_DAYS, PURGE_DAYS = 500, 250, 2


def read_bars(path):
    """{symbol: bars sorted by date} of every 25th symbol."""
    bars = pd.read_parquet(path)
    if "vwap" not in bars:
        bars["vwap"] = (bars.high + bars.low + bars.close) / 3
    bars = bars.assign(symbol=bars.symbol.astype(str)).sort_values(["symbol", "date"], ignore_index=True)
    chosen = bars.symbol.unique()[::EVERY]
    return {symbol: own.reset_index(drop=True) for symbol, own in bars[bars.symbol.isin(chosen)].groupby("symbol")}


def predict_symbol(symbol, bars, features_of, forest_of):
    """Predictions of every day that is in a test block, and the CPU seconds they took."""
    start = time.process_time()
    if len(bars) <= TRAIN_DAYS + PURGE_DAYS:
        return pd.DataFrame(), time.process_time() - start
    features = features_of(symbol, bars).to_numpy()
    close = bars.close.to_numpy(float)
    label = np.full(len(close), np.nan)
    label[:-2] = close[2:] / close[1:-1] - 1
    blocks = []
    for fold, first in enumerate(range(TRAIN_DAYS + PURGE_DAYS, len(close), TEST_DAYS)):
        train, test = slice(first - PURGE_DAYS - TRAIN_DAYS, first - PURGE_DAYS), slice(first, first + TEST_DAYS)
        forest = forest_of(fold).fit(features[train], label[train])
        blocks.append(pd.DataFrame({"symbol": symbol, "date": bars.date[test], "fold": fold, "label": label[test], "prediction": forest.predict(features[test])}))
    return pd.concat(blocks), time.process_time() - start


def evaluate(predictions):
    """Per symbol: rows, RMSE, correlation over time, hit rate; for the universe: the mean IC by date."""
    known = predictions.dropna(subset="label")
    error = known.label - known.prediction
    by_symbol = known.assign(square=error**2, hit=np.sign(known.label) == np.sign(known.prediction)).groupby("symbol")
    table = pd.DataFrame({"rows": by_symbol.size(), "rmse": np.sqrt(by_symbol.square.mean()), "hit_rate": by_symbol.hit.mean(),
                          "corr": by_symbol[["label", "prediction"]].apply(lambda own: own.label.corr(own.prediction))})
    return table, known.groupby("date")[["label", "prediction"]].apply(lambda day: day.label.corr(day.prediction)).mean()


def run(features_of, forest_of, version, start=lambda data: None):
    data, answer, threads, _ = sys.argv[1:5]
    universe = read_bars(f"{data}/bars.parquet")
    pool = joblib.Parallel(n_jobs=int(threads))
    pool(joblib.delayed(start)(data) for _ in range(8 * int(threads)))   # processes start and import before the clock does
    wall, cpu = time.perf_counter(), time.process_time()
    done = pool(joblib.delayed(predict_symbol)(symbol, bars, features_of, forest_of) for symbol, bars in universe.items())
    predictions = pd.concat(own for own, _ in done)
    table, ic = evaluate(predictions)
    predictions.to_parquet(f"{answer}/predictions.parquet", index=False)
    table.assign(ic=ic).to_json(f"{answer}/metrics.json")
    part = {"wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu + sum(seconds for _, seconds in done), "times": EVERY}
    print(json.dumps({"version": version, "part": part}))
