"""Polars: casts to the types that its own minimum and maximum allow, and group_by."""
import json
import os
import sys

os.environ["POLARS_MAX_THREADS"] = sys.argv[3]
import polars as pl
from timed_cases import Cases

data, answer, repeats = sys.argv[1], sys.argv[2], int(sys.argv[4])
frame = pl.read_parquet(f"{data}/rows.parquet")


def compact():
    ends = frame.select(pl.col(pl.Int64).min().name.prefix("least_"), pl.col(pl.Int64).max().name.prefix("most_"))
    narrow = lambda name: next(t for t, bits in ((pl.Int8, 7), (pl.Int16, 15), (pl.Int32, 31), (pl.Int64, 63))
                               if -2**bits <= ends[f"least_{name}"][0] and ends[f"most_{name}"][0] < 2**bits)
    return frame.with_columns(*(pl.col(name).cast(narrow(name)) for name, dtype in frame.schema.items() if dtype == pl.Int64), pl.col(pl.Float64).cast(pl.Float32),
                              *(pl.col(name).cast(pl.Categorical) for name, dtype in frame.schema.items() if dtype == pl.String))


cases = Cases(repeats, warm_up=1)
small = cases.time("compact", compact)
means = cases.time("means", lambda: frame.lazy().group_by("category").agg(pl.col("age", "income", "score").mean()).collect())
json.dump({row[0]: list(row[1:]) for row in means.iter_rows()}, open(f"{answer}/means.json", "w"))
names = {"Int8": "int8", "Int16": "int16", "Int32": "int32", "Int64": "int64", "Float32": "float32", "Categorical": "category"}
json.dump({name: names[str(dtype).partition("(")[0]] for name, dtype in small.schema.items()}, open(f"{answer}/dtypes.json", "w"))
cases.print(pl.__version__)
