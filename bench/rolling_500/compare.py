"""compare.py DATA EXPECTED ANSWER: cells that differ from the reference, column by column. See problem.toml, tolerance."""
import sys

import numpy as np

RELATIVE, ABSOLUTE, SYMBOLS, DAYS = 1e-5, 1e-5, 20, 2500
want, got = (np.fromfile(f"{folder}/features.f32", "<f4").reshape(-1, SYMBOLS, DAYS) for folder in sys.argv[2:4])
differ = ~np.isclose(got, want, rtol=RELATIVE, atol=ABSOLUTE, equal_nan=True)
columns = [i for i in range(len(want)) if differ[i].any()]
if sys.argv[2] == sys.argv[3]:
    print("the reference")
elif columns:
    print(f"columns {columns} differ, {differ.mean():.4%} of the cells")
    sys.exit(1)
else:
    print("equal in all cells")
