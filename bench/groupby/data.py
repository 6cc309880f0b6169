"""data.py DATA: the table as Parquet."""
import sys

import pyarrow.parquet as pq
from group_rows import group_rows

pq.write_table(group_rows(), f"{sys.argv[1]}/rows.parquet")
