"""compare.py DATA EXPECTED ANSWER: the same trees must give the same probabilities, other trees as good ones. See problem.toml, tolerance."""
import pathlib
import sys

import numpy as np

data, expected, answer = map(pathlib.Path, sys.argv[1:4])
y = np.fromfile(data / "rows_y.f32", "<f4")


def auc(probability):
    _, rank, count = np.unique(probability, return_inverse=True, return_counts=True)
    middle = (np.cumsum(count) - (count - 1) / 2)[rank]
    ones = y.sum()
    return (middle[y == 1].sum() - ones * (ones + 1) / 2) / (ones * (len(y) - ones))


worse = False
for file in sorted(answer.glob("*.f32")):
    want, got = (np.fromfile(folder / file.name, "<f4") for folder in (expected, answer))
    single = file.stem.endswith("_rows")
    case = f"{file.stem.removesuffix('_rows')}, {'1 row' if single else '4096 rows'}"
    if answer.name == "scikit-learn":
        model = file.stem.removesuffix("_rows")
        want, got = (auc(np.fromfile(folder / f"{model}.f32", "<f4")) for folder in (expected, answer))
        same, words = got >= want - 0.01, f"its own trees, AUC {got:.4f} ({want:.4f})"
    else:
        furthest = np.abs(want - got).max()
        same, words = furthest <= 1e-6, f"within {furthest:.1e}"
    worse |= not same
    print(f"{case}: {words}")
sys.exit(int(worse))
