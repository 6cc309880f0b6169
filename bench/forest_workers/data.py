"""data.py DATA: one binary problem of 28 features, and its first 1, 10, ... 1,000,000 rows."""
import pathlib
import sys

import numpy as np

TEST_ROWS, FEATURES = 1000, 28
random = np.random.default_rng(1)
x = random.normal(size=(FEATURES, 1_000_000 + TEST_ROWS)).astype("<f4")
y = x[0] * x[1] + x[2] + 0.5 * np.sin(2 * x[3]) + random.normal(size=x.shape[1]) > 0
for rows in (1, 10, 100, 1000, 10_000, 100_000, 1_000_000):
    folder = pathlib.Path(sys.argv[1], f"{rows}x{FEATURES}")
    folder.mkdir()
    for name, part in (("train", slice(0, rows)), ("test", slice(x.shape[1] - TEST_ROWS, None))):
        np.ascontiguousarray(x[:, part]).tofile(folder / f"{name}_x.f32")   # column by column
        y[part].astype("<f4").tofile(folder / f"{name}_y.f32")
