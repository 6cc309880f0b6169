"""compare.py DATA EXPECTED ANSWER: the sample, the sums and the written file against the table itself. See problem.toml, tolerance."""
import sys

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

SAMPLE = 9973
data, answer = sys.argv[1], sys.argv[3]
rows = pq.read_table(f"{data}/rows.parquet")


def same_rows(want, got):
    def plain(column):
        values = column.combine_chunks()
        return values.dictionary_decode() if pa.types.is_dictionary(values.type) else values
    if want.column_names != got.column_names or len(want) != len(got):
        return False
    return all((np.asarray(plain(want[name]).cast(pa.string() if name[:3] in ("id1", "id2", "id3") else pa.float64()))
                == np.asarray(plain(got[name]).cast(pa.string() if name[:3] in ("id1", "id2", "id3") else pa.float64()))).all() for name in want.column_names)


def same_sums():
    want = rows.group_by("id1").aggregate([("v1", "sum"), ("v3", "sum")]).to_pandas()
    got = pq.read_table(f"{answer}/sums.parquet").to_pandas()
    find = lambda frame, name: next(c for c in frame.columns if name in c)
    tables = [frame.assign(key=frame["id1"].astype(str)).sort_values("key") for frame in (want, got)]
    return all(np.allclose(*(t[find(t, name)].to_numpy("f8") for t in tables), rtol=1e-9, atol=0) for name in ("v1", "v3")) and (tables[0]["key"].to_numpy() == tables[1]["key"].to_numpy()).all()


verdicts = {"sums": same_sums(), "read": same_rows(rows.take(list(range(0, len(rows), SAMPLE))), pq.read_table(f"{answer}/read.parquet")),
            "write": same_rows(rows, pa.csv.read_csv(f"{answer}/write.csv"))}
for case, same in verdicts.items():
    print(f"{case}: {('the reference' if sys.argv[2] == sys.argv[3] else 'equal') if same else 'differs'}")
sys.exit(not all(verdicts.values()))
