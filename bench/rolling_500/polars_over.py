"""Polars: rolling expressions over groups of a symbol column, in one select."""
import json
import os
import resource
import sys
import time

data, answer, threads, repeats = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
os.environ["POLARS_MAX_THREADS"] = threads
import numpy as np
import polars as pl

SYMBOLS, DAYS, ANSWER_SYMBOLS = 500, 2500, 20
close = np.fromfile(f"{data}/close.f32", "<f4").astype("f8")
frame = pl.DataFrame({"symbol": np.repeat(np.arange(SYMBOLS, dtype="i4"), DAYS), "close": close})
column = pl.col("close")
features = [feature.over("symbol").alias(f"{name}{w}")
            for w in (5, 10, 20, 30, 60)
            for name, feature in (("mean", column.rolling_mean(w, min_samples=1)), ("std", column.rolling_std(w, min_samples=1)),
                                  ("max", column.rolling_max(w, min_samples=1)),
                                  ("quantile", column.rolling_quantile(0.8, interpolation="linear", window_size=w, min_samples=1)))]
walls, cpus = [], []
for _ in range(repeats + 1):
    cpu = lambda usage=resource.getrusage: sum(usage(resource.RUSAGE_SELF)[:2])
    wall, before = time.perf_counter(), cpu()
    out = frame.select(features)
    walls.append(time.perf_counter() - wall)
    cpus.append(cpu() - before)
first = out.head(ANSWER_SYMBOLS * DAYS)
np.array([first[name].fill_null(float("nan")).to_numpy() for name in first.columns], "<f4").tofile(f"{answer}/features.f32")
print(json.dumps({"version": pl.__version__, "cases": {"": {"wall_s": walls[1:], "cpu_s": cpus[1:]}}}))
