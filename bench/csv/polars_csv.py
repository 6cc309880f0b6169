"""Polars: read_csv, and the lazy scan for sums."""
import os
import sys

os.environ["POLARS_MAX_THREADS"] = sys.argv[3]
import polars as pl
from csv_race import SAMPLE, race

sums = lambda path: pl.scan_csv(path).group_by("id1").agg(pl.col("v1").sum(), pl.col("v3").sum()).collect(engine="streaming")
race(pl.__version__, pl.read_csv, sums, lambda table, path: table.write_csv(path), lambda table: table.gather_every(SAMPLE))
