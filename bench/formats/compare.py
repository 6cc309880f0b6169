"""compare.py DATA EXPECTED ANSWER: every saved file read by pandas, and what was loaded. See problem.toml, tolerance."""
import json
import math
import pathlib
import sys

import numpy as np
import pandas as pd

READERS = {"csv": ("rows.csv", lambda p: pd.read_csv(p, float_precision="round_trip")), "csv.zst": ("rows.csv.zst", lambda p: pd.read_csv(p, float_precision="round_trip")),
           "parquet": ("rows.parquet", pd.read_parquet), "parquet zstd": ("rows.zstd.parquet", pd.read_parquet), "feather": ("rows.feather", pd.read_feather), "hdf5": ("rows.h5", pd.read_hdf),
           "json": ("rows.json", lambda p: pd.read_json(p, precise_float=True)), "jsonl": ("rows.jsonl", lambda p: pd.read_json(p, lines=True, precise_float=True))}
want = pd.read_parquet(f"{sys.argv[1]}/rows.parquet")
answer = pathlib.Path(sys.argv[3])
# pandas' own JSON has ten digits; numbers are compared to what it keeps.
DIGITS = {"json": 1e-9, "jsonl": 1e-9}


def same_file(name):
    file, read = READERS[name]
    got = read(answer / file)
    numbers = all(np.allclose(got[c].to_numpy("f8"), want[c].to_numpy("f8"), rtol=DIGITS.get(name, 0), atol=DIGITS.get(name, 0)) for c in want.columns if c != "category")
    return list(got.columns) == list(want.columns) and numbers and (got["category"].astype(str) == want["category"]).all()


def same_sums(got, rtol):
    counts = want["category"].value_counts()
    return got["rows"] == len(want) and all(math.isclose(got[c], want[c].sum(), rel_tol=rtol) for c in want.columns if c != "category") and all(got[k] == n for k, n in counts.items())


loaded, fine = json.loads((answer / "loaded.json").read_text()), True
for name, sums in loaded.items():
    verdicts = {"save": name not in READERS or same_file(name), "load": same_sums(sums, max(DIGITS.get(name, 0), 1e-12))}
    for part, same in verdicts.items():
        fine &= bool(same)
        print(f"{name} {part}: {('the reference' if sys.argv[2] == sys.argv[3] else 'equal') if same else 'differs'}")
sys.exit(not fine)
