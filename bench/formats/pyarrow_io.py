"""pyarrow: what pandas and others call, without them."""
import sys

import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.json
import pyarrow.parquet as pq
from format_race import race

pa.set_cpu_count(int(sys.argv[3]))


def write_zstd(path):
    with pa.CompressedOutputStream(path, "zstd") as out:
        pa.csv.write_csv(table, out)


table = pq.read_table(f"{sys.argv[1]}/rows.parquet")
race(pa.__version__, {
    "csv": ("rows.csv", lambda p: pa.csv.write_csv(table, p), pa.csv.read_csv),
    "csv.zst": ("rows.csv.zst", write_zstd, pa.csv.read_csv),
    "parquet": ("rows.parquet", lambda p: pq.write_table(table, p), lambda p: pq.read_table(p, memory_map=False)),
    "parquet zstd": ("rows.zstd.parquet", lambda p: pq.write_table(table, p, compression="zstd"), lambda p: pq.read_table(p, memory_map=False)),
    "feather": ("rows.feather", lambda p: pa.feather.write_feather(table, p, compression="uncompressed"), lambda p: pa.feather.read_table(p, memory_map=False)),
}, lambda loaded: loaded.to_pandas())
