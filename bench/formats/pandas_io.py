"""pandas with the engines that its documentation recommends for speed."""
import sys

import pandas as pd
from format_race import race

frame = pd.read_parquet(f"{sys.argv[1]}/rows.parquet")
race(pd.__version__, {
    "csv": ("rows.csv", lambda p: frame.to_csv(p, index=False), lambda p: pd.read_csv(p, engine="pyarrow")),
    "csv.zst": ("rows.csv.zst", lambda p: frame.to_csv(p, index=False), lambda p: pd.read_csv(p, engine="pyarrow")),
    "parquet": ("rows.parquet", lambda p: frame.to_parquet(p, index=False), pd.read_parquet),
    "parquet zstd": ("rows.zstd.parquet", lambda p: frame.to_parquet(p, index=False, compression="zstd"), pd.read_parquet),
    "feather": ("rows.feather", frame.to_feather, pd.read_feather),
    "hdf5": ("rows.h5", lambda p: frame.to_hdf(p, key="data", format="table", mode="w"), lambda p: pd.read_hdf(p, "data")),
    "json": ("rows.json", lambda p: frame.to_json(p, orient="records"), pd.read_json),
    "jsonl": ("rows.jsonl", lambda p: frame.to_json(p, orient="records", lines=True), lambda p: pd.read_json(p, lines=True)),
    "pickle": ("rows.pickle", frame.to_pickle, pd.read_pickle),
}, lambda table: table)
