"""compare.py DATA EXPECTED ANSWER: cells that differ from qlib's, column by column. See problem.toml, tolerance."""
import sys

import numpy as np

RELATIVE, ABSOLUTE, CELLS, SYMBOLS, DAYS, FEATURES, LONGEST = 1e-4, 1e-5, 1e-4, 20, 2500, 158, 61
want, got = (np.fromfile(f"{folder}/features.f32", "<f4").reshape(FEATURES, SYMBOLS, DAYS) for folder in sys.argv[2:4])
differ = ~np.isclose(got, want, rtol=RELATIVE, atol=ABSOLUTE, equal_nan=True)


def features_that_differ(first_day):
    return np.count_nonzero(differ[:, :, first_day:].mean(axis=(1, 2)) > CELLS)


if sys.argv[2] == sys.argv[3]:
    print("the reference")
elif not features_that_differ(0):
    print(f"equal in {1 - differ.mean():.4%} of the cells")
elif not features_that_differ(LONGEST):
    print(f"equal after the first {LONGEST} days; there, other values or none in {features_that_differ(0)} features")
else:
    print(f"{features_that_differ(LONGEST)} of {FEATURES} features differ")
    sys.exit(1)
