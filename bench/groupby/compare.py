"""compare.py DATA EXPECTED ANSWER: question by question, sorted by key. See problem.toml, tolerance."""
import sys

import numpy as np
import pyarrow.parquet as pq

KEYS = {"q1": 1, "q2": 2, "q3": 1, "q4": 1, "q5": 1, "q6": 2, "q7": 1, "q10": 6}


def answer(folder, question):
    frame = pq.read_table(f"{folder}/{question}.parquet").to_pandas()
    keys = list(frame.columns[:KEYS[question]])
    for key in keys:
        if frame[key].dtype.name in ("category", "object"):
            frame[key] = frame[key].astype(str)
    return frame.sort_values(keys, ignore_index=True)


def differs(want, got, keys):
    if want.shape != got.shape:
        return f"{got.shape} instead of {want.shape}"
    for i in range(want.shape[1]):
        a, b = want.iloc[:, i].to_numpy(), got.iloc[:, i].to_numpy()
        same = (a == b).all() if i < keys else np.allclose(a.astype("f8"), b.astype("f8"), rtol=1e-9, atol=0)
        if not same:
            return f"column {want.columns[i]} differs"
    return None


fine = True
for question, keys in KEYS.items():
    why = differs(answer(sys.argv[2], question), answer(sys.argv[3], question), keys)
    fine &= why is None
    print(f"{question}: {why or ('the reference' if sys.argv[2] == sys.argv[3] else 'equal')}")
sys.exit(not fine)
