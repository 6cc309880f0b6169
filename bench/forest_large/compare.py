"""compare.py DATA EXPECTED ANSWER: mean AUC over the seeds, which may be one standard error below that of EXPECTED. See problem.toml, tolerance."""
import pathlib
import sys

import numpy as np

from forest.compare import mean_auc

data, expected, answer = map(pathlib.Path, sys.argv[1:4])
worse = False
for case in (folder.name for folder in data.iterdir()):
    y = np.fromfile(data / case / "test_y.f32", "<f4")
    want, got = mean_auc(expected, case, y), mean_auc(answer, case, y)
    error = (want * (1 - want) / min(y.sum(), len(y) - y.sum())) ** 0.5   # an upper bound of the standard error of an AUC
    worse |= want - got > error
    print(f"{case}: AUC {got:.4f} (standard error {error:.4f})")
sys.exit(int(worse))
