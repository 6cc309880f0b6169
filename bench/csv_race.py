"""What the peers of the CSV race share: the three tasks timed one after another, and the answers kept."""
import sys

from timed_cases import Cases

SAMPLE = 9973


def race(version, read, sums, write, sample):
    """read(path), sums(path), write(table, path): timed. sample(table): every 9,973rd row as something with write_parquet or to_parquet."""
    data, answer, cases = sys.argv[1], sys.argv[2], Cases(int(sys.argv[4]))
    keep(cases.time("sums", lambda: sums(f"{data}/rows.csv")), f"{answer}/sums.parquet")
    table = cases.time("read", lambda: read(f"{data}/rows.csv"))
    keep(sample(table), f"{answer}/read.parquet")
    cases.time("write", lambda: write(table, f"{answer}/write.csv"))
    cases.print(version)


def keep(table, path):
    """A pandas, Polars or pyarrow table as Parquet."""
    if hasattr(table, "write_parquet"):
        table.write_parquet(path)
    elif hasattr(table, "to_parquet"):
        table.to_parquet(path, index=False)
    else:
        import pyarrow.parquet as pq
        pq.write_table(table, path)
