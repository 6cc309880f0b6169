"""What the peers of the CSV race share: the three tasks timed one after another, and the answers kept."""
import json
import resource
import sys
import time

SAMPLE = 9973


def race(version, read, sums, write, sample):
    """read(path), sums(path), write(table, path): timed. sample(table): every 9,973rd row as something with write_parquet or to_parquet."""
    data, answer, repeats = sys.argv[1], sys.argv[2], int(sys.argv[4])
    cases = {}

    def timed(case, work):
        walls, cpus, out = [], [], None
        for _ in range(repeats):
            out = None
            cpu = lambda usage=resource.getrusage: sum(usage(resource.RUSAGE_SELF)[:2])
            wall, before = time.perf_counter(), cpu()
            out = work()
            walls.append(time.perf_counter() - wall)
            cpus.append(cpu() - before)
        cases[case] = {"wall_s": walls, "cpu_s": cpus}
        return out

    keep(timed("sums", lambda: sums(f"{data}/rows.csv")), f"{answer}/sums.parquet")
    table = timed("read", lambda: read(f"{data}/rows.csv"))
    keep(sample(table), f"{answer}/read.parquet")
    timed("write", lambda: write(table, f"{answer}/write.csv"))
    print(json.dumps({"version": version, "cases": cases}))


def keep(table, path):
    """A pandas, Polars or pyarrow table as Parquet."""
    if hasattr(table, "write_parquet"):
        table.write_parquet(path)
    elif hasattr(table, "to_parquet"):
        table.to_parquet(path, index=False)
    else:
        import pyarrow.parquet as pq
        pq.write_table(table, path)
