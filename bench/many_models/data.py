"""data.py DATA: train.arrow (500 symbols x 2,000 rows x 60 features) and test.arrow (100 rows a symbol)."""
import pathlib
import sys

import numpy as np
import pandas as pd

SYMBOLS, TRAIN, TEST, FEATURES, TOLD = 500, 2000, 100, 60, 15
random = np.random.default_rng(500)
rows = TRAIN + TEST
x = random.standard_normal(size=(SYMBOLS, rows, FEATURES), dtype="f4")
y = np.empty((SYMBOLS, rows), bool)
for symbol in range(SYMBOLS):
    told = random.permutation(FEATURES)[:TOLD]
    y[symbol] = x[symbol][:, told] @ (0.85 ** np.arange(TOLD) * random.choice([-1, 1], TOLD)) + random.normal(scale=1.5, size=rows) > 0
for name, part in (("train", slice(0, TRAIN)), ("test", slice(TRAIN, None))):
    own = x[:, part].reshape(-1, FEATURES)
    table = pd.DataFrame(own, columns=[f"f{i}" for i in range(FEATURES)])
    table.insert(0, "symbol", np.repeat([f"S{i:03}" for i in range(SYMBOLS)], len(own) // SYMBOLS))
    table.insert(1, "y", y[:, part].reshape(-1).astype("i8"))
    table.to_feather(pathlib.Path(sys.argv[1], f"{name}.arrow"), compression="uncompressed")
