"""DuckDB: read_csv into a table in memory, a query over the file, and COPY."""
import sys

import duckdb
from csv_race import SAMPLE, race

connection = duckdb.connect()
connection.execute(f"SET threads = {sys.argv[3]}")


def read(path):
    connection.execute(f"CREATE OR REPLACE TABLE x AS SELECT * FROM read_csv('{path}')")
    return "x"


sums = lambda path: connection.execute(f"SELECT id1, sum(v1) AS v1, sum(v3) AS v3 FROM read_csv('{path}') GROUP BY id1").to_arrow_table()
write = lambda table, path: connection.execute(f"COPY {table} TO '{path}'")
race(duckdb.__version__, read, sums, write, lambda table: connection.execute(f"SELECT * FROM {table} WHERE rowid % {SAMPLE} = 0 ORDER BY rowid").to_arrow_table())
