"""pyarrow: read_csv on its threads; it has no aggregation while reading."""
import sys

import pyarrow as pa
import pyarrow.csv
from csv_race import SAMPLE, race

pa.set_cpu_count(int(sys.argv[3]))
sums = lambda path: pa.csv.read_csv(path, convert_options=pa.csv.ConvertOptions(include_columns=["id1", "v1", "v3"])).group_by("id1").aggregate([("v1", "sum"), ("v3", "sum")])
race(pa.__version__, pa.csv.read_csv, sums, lambda table, path: pa.csv.write_csv(table, path, pa.csv.WriteOptions(quoting_style="none")), lambda table: table.take(list(range(0, len(table), SAMPLE))))
