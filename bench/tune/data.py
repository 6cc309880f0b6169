"""data.py DATA: two classes by the product of two features and the sum of others, with noise."""
import pathlib
import sys

import numpy as np
import pandas as pd

for name, seed in (("train", 1), ("test", 2)):
    random = np.random.default_rng(seed)
    x = random.normal(size=(10_000, 10)).astype(np.float32)
    y = (x[:, 0] * x[:, 1] + x[:, 2] + 0.5 * x[:, 3] + random.normal(size=len(x)) > 0).astype(int)
    pd.DataFrame(x, columns=[f"f{i}" for i in range(10)]).assign(y=y).to_parquet(pathlib.Path(sys.argv[1], f"{name}.parquet"))
