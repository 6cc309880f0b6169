"""Polars: group_by().agg() over a frame in memory, texts as Categorical, lazily as its own benchmark does."""
import os
import sys

from timed_cases import Cases

data, answer, threads, repeats = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
os.environ["POLARS_MAX_THREADS"] = threads
import polars as pl

col = pl.col
QUESTIONS = {
    "q1": (["id1"], [col("v1").sum()]),
    "q2": (["id1", "id2"], [col("v1").sum()]),
    "q3": (["id3"], [col("v1").sum(), col("v3").mean()]),
    "q4": (["id4"], [col("v1").mean(), col("v2").mean(), col("v3").mean()]),
    "q5": (["id6"], [col("v1").sum(), col("v2").sum(), col("v3").sum()]),
    "q6": (["id4", "id5"], [col("v3").median().alias("median_v3"), col("v3").std().alias("sd_v3")]),
    "q7": (["id3"], [col("v1").max(), col("v2").min()]),
    "q10": (["id1", "id2", "id3", "id4", "id5", "id6"], [col("v3").sum(), pl.len().alias("count")]),
}
frame = pl.read_parquet(f"{data}/rows.parquet")
frame = frame.with_columns(col(name).cast(pl.Categorical) for name in ("id1", "id2", "id3")).rechunk()
cases = Cases(repeats)
for question, (by, calls) in QUESTIONS.items():
    out = cases.time(question, lambda: frame.lazy().group_by(by).agg(calls).collect())
    out = out.with_columns(pl.col(pl.Categorical).cast(pl.String))
    (out.filter(col("id1") == "id001") if question == "q10" else out).write_parquet(f"{answer}/{question}.parquet")
cases.print(pl.__version__)
