"""pandas: to_numeric(downcast), astype("category") and groupby; NumPy for the norms."""
import json
import sys

import numpy as np
import pandas as pd
from timed_cases import Cases

data, answer, repeats = sys.argv[1], sys.argv[2], int(sys.argv[4])
frame = pd.read_parquet(f"{data}/rows.parquet")
matrix = np.random.default_rng(1).normal(size=(10_000, 100))


def compact():
    out = {}
    for name, column in frame.items():
        if column.dtype.kind == "i":
            out[name] = pd.to_numeric(column, downcast="integer")
        elif column.dtype.kind == "f":
            out[name] = column.astype("float32")
        else:
            out[name] = column.astype("category") if column.nunique() < len(column) / 2 else column
    return pd.DataFrame(out)


cases = Cases(repeats, warm_up=1)
small = cases.time("compact", compact)
means = cases.time("means", lambda: frame.groupby("category")[["age", "income", "score"]].mean())
norms = cases.time("norms", lambda: np.sqrt(np.einsum("ij,ij->i", matrix, matrix)))
json.dump({key: list(row) for key, row in zip(means.index, means.to_numpy())}, open(f"{answer}/means.json", "w"))
json.dump({name: str(dtype) for name, dtype in small.dtypes.items()}, open(f"{answer}/dtypes.json", "w"))
json.dump([len(norms)], open(f"{answer}/norms.json", "w"))
cases.print(pd.__version__)
