"""DuckDB: SQL over a table in memory, texts as an ENUM; answers are made as tables, as db-benchmark does."""
import json
import resource
import sys
import time

import duckdb

data, answer, threads, repeats = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
QUESTIONS = {
    "q1": "SELECT id1, sum(v1) AS v1 FROM x GROUP BY id1",
    "q2": "SELECT id1, id2, sum(v1) AS v1 FROM x GROUP BY id1, id2",
    "q3": "SELECT id3, sum(v1) AS v1, avg(v3) AS v3 FROM x GROUP BY id3",
    "q4": "SELECT id4, avg(v1) AS v1, avg(v2) AS v2, avg(v3) AS v3 FROM x GROUP BY id4",
    "q5": "SELECT id6, sum(v1) AS v1, sum(v2) AS v2, sum(v3) AS v3 FROM x GROUP BY id6",
    "q6": "SELECT id4, id5, median(v3) AS median_v3, stddev(v3) AS sd_v3 FROM x GROUP BY id4, id5",
    "q7": "SELECT id3, max(v1) AS v1, min(v2) AS v2 FROM x GROUP BY id3",
    "q10": "SELECT id1, id2, id3, id4, id5, id6, sum(v3) AS v3, count(*) AS count FROM x GROUP BY id1, id2, id3, id4, id5, id6",
}
connection = duckdb.connect()
connection.execute(f"SET threads = {threads}; SET preserve_insertion_order = false")
for name in ("id1", "id2", "id3"):
    connection.execute(f"CREATE TYPE {name}_texts AS ENUM (SELECT DISTINCT {name}::VARCHAR FROM '{data}/rows.parquet' ORDER BY 1)")
columns = ", ".join(f"{name}::VARCHAR::{name}_texts AS {name}" for name in ("id1", "id2", "id3"))
connection.execute(f"CREATE TABLE x AS SELECT {columns}, id4, id5, id6, v1, v2, v3 FROM '{data}/rows.parquet'")

cases = {}
for question, sql in QUESTIONS.items():
    walls, cpus = [], []
    for _ in range(repeats):
        connection.execute("DROP TABLE IF EXISTS answer")
        cpu = lambda usage=resource.getrusage: sum(usage(resource.RUSAGE_SELF)[:2])
        wall, before = time.perf_counter(), cpu()
        connection.execute(f"CREATE TABLE answer AS {sql}")
        walls.append(time.perf_counter() - wall)
        cpus.append(cpu() - before)
    cases[question] = {"wall_s": walls, "cpu_s": cpus}
    part = " WHERE id1 = 'id001'" if question == "q10" else ""
    connection.execute(f"COPY (SELECT * FROM answer{part}) TO '{answer}/{question}.parquet'")
print(json.dumps({"version": duckdb.__version__, "cases": cases}))
