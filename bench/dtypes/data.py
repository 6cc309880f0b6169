"""data.py DATA: the table as Parquet."""
import sys

from user_rows import user_rows

user_rows().to_parquet(f"{sys.argv[1]}/rows.parquet", index=False)
