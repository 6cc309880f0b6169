"""data.py DATA: 500 rows x 158 correlated features; eight of them carry the label, under much noise."""
import pathlib
import sys

import numpy as np

TRAIN, TEST, FEATURES = 500, 20_000, 158

random = np.random.default_rng(158)
x = random.normal(size=(TRAIN + TEST, 20)) @ random.normal(size=(20, FEATURES)) / 20**0.5 + 0.7 * random.normal(size=(TRAIN + TEST, FEATURES))
x = x.astype("float32")
y = 0.4 * np.tanh(x[:, 0]) + 0.3 * x[:, 20] - 0.3 * np.abs(x[:, 40]) + 0.3 * (x[:, 60] > 1) * x[:, 80] + 0.2 * x[:, 100:103].sum(1)
y += 2 * y.std() * random.standard_t(4, len(y)) / 2**0.5
for case in ("sqrt", "third"):
    folder = pathlib.Path(sys.argv[1], f"{TRAIN}x{FEATURES}_{case}")
    folder.mkdir(parents=True)
    for name, part in (("train", slice(0, TRAIN)), ("test", slice(TRAIN, None))):
        np.ascontiguousarray(x[part].T).tofile(folder / f"{name}_x.f32")   # column by column
        y[part].astype("<f4").tofile(folder / f"{name}_y.f32")
