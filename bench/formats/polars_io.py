"""Polars: its own readers and writers."""
import os
import sys

os.environ["POLARS_MAX_THREADS"] = sys.argv[3]
import polars as pl
from format_race import race

frame = pl.read_parquet(f"{sys.argv[1]}/rows.parquet")
race(pl.__version__, {
    "csv": ("rows.csv", frame.write_csv, pl.read_csv),
    "csv.zst": ("rows.csv.zst", lambda p: frame.write_csv(p, compression="zstd"), pl.read_csv),
    "parquet": ("rows.parquet", lambda p: frame.write_parquet(p, compression="snappy"), pl.read_parquet),
    "parquet zstd": ("rows.zstd.parquet", frame.write_parquet, pl.read_parquet),
    "feather": ("rows.feather", lambda p: frame.write_ipc(p, compat_level=pl.CompatLevel.oldest()), pl.read_ipc),
    "json": ("rows.json", frame.write_json, pl.read_json),
    "jsonl": ("rows.jsonl", frame.write_ndjson, pl.read_ndjson),
}, lambda table: table.to_pandas())
