"""compare.py DATA EXPECTED ANSWER: cells that differ from qlib's, column by column. See problem.toml, tolerance."""
import pathlib
import sys

import numpy as np

RELATIVE, ABSOLUTE, CELLS, SYMBOLS, DAYS, FEATURES, LONGEST = 1e-4, 1e-5, 1e-4, 20, 2500, 158, 61


def differing_cells(name):
    want, got = (np.fromfile(f"{folder}/{name}.f32", "<f4").reshape(FEATURES, SYMBOLS, DAYS) for folder in sys.argv[2:4])
    return ~np.isclose(got, want, rtol=RELATIVE, atol=ABSOLUTE, equal_nan=True)


def features_that_differ(differ, first_day=0):
    return np.count_nonzero(differ[:, :, first_day:].mean(axis=(1, 2)) > CELLS)


wrong = False
if sys.argv[2] != sys.argv[3] and pathlib.Path(sys.argv[3], "missing.f32").exists():   # a program that has this case
    differ = differing_cells("missing")
    count = features_that_differ(differ)
    wrong = count > 0
    print("0.1 % of the rows missing:", f"{count} of {FEATURES} features differ" if wrong else f"equal in {1 - differ.mean():.4%} of the cells")

differ = differing_cells("features")
if sys.argv[2] == sys.argv[3]:
    print("the reference")
elif not features_that_differ(differ):
    print(f"equal in {1 - differ.mean():.4%} of the cells")
elif not features_that_differ(differ, LONGEST):
    print(f"equal after the first {LONGEST} days; there, other values or none in {features_that_differ(differ)} features")
else:
    print(f"{features_that_differ(differ, LONGEST)} of {FEATURES} features differ")
    wrong = True
sys.exit(int(wrong))
