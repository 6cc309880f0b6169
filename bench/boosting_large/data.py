"""data.py DATA: one binary problem of 1,000,000 x 28: products, a sine and a sum that switches with a feature's sign, under noise."""
import pathlib
import sys

import numpy as np

ROWS, TEST_ROWS, FEATURES = 1_000_000, 20_000, 28
random = np.random.default_rng(28)
x = random.normal(size=(ROWS + TEST_ROWS, FEATURES)).astype("float32")
score = x[:, 0] * x[:, 1] + x[:, 2] + 0.5 * np.sin(2 * x[:, 3]) + 0.3 * x[:, 4:14].sum(1) * np.sign(x[:, 14])
y = score + random.normal(size=len(score)) > 0
folder = pathlib.Path(sys.argv[1], f"{ROWS}x{FEATURES}")
folder.mkdir()
for name, part in (("train", slice(0, ROWS)), ("test", slice(ROWS, None))):
    np.ascontiguousarray(x[part].T).tofile(folder / f"{name}_x.f32")   # column by column
    y[part].astype("<f4").tofile(folder / f"{name}_y.f32")
