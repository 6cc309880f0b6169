"""data.py DATA: the table as CSV and as Parquet."""
import sys

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from group_rows import group_rows

rows = group_rows()
pq.write_table(rows, f"{sys.argv[1]}/rows.parquet")
plain = rows.cast(pa.schema([(field.name, pa.string() if pa.types.is_dictionary(field.type) else field.type) for field in rows.schema]))
pa.csv.write_csv(plain, f"{sys.argv[1]}/rows.csv", pa.csv.WriteOptions(quoting_style="none"))
