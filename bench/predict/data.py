"""data.py DATA: a binary problem, and the two models that hayate makes of it, exported for the peers."""
import pathlib
import subprocess
import sys

import numpy as np
import pandas as pd

FEATURES, TRAIN, ROWS = 60, 10_000, 4_096

data = pathlib.Path(sys.argv[1])
random = np.random.default_rng(7)
x = random.normal(size=(TRAIN + ROWS, FEATURES)).astype("<f4")
score = x[:, :15] @ 0.85 ** np.arange(15) + 0.7 * np.sign(x[:, 0]) * x[:, 1]
y = (score > 0) ^ (random.random(len(score)) < 0.1)
for name, part in (("train", slice(0, TRAIN)), ("rows", slice(TRAIN, None))):
    x[part].tofile(data / f"{name}_x.f32")
    y[part].astype("<f4").tofile(data / f"{name}_y.f32")
table = data / "train.parquet"
pd.DataFrame(x[:TRAIN], columns=[f"f{i}" for i in range(FEATURES)]).assign(y=y[:TRAIN].astype(int)).to_parquet(table)

hayate = lambda *words: subprocess.run(["build/release/hayate", *map(str, words), "--quiet"], check=True)
for learner, params in (("forest", "num_trees=100,max_depth=10"), ("boosting", "num_trees=100,num_leaves=31")):
    folder = data / learner
    folder.mkdir()
    hayate("train", "--input", table, "--label", "y", "--learner", learner, "--params", params, "--model", folder / "model.hyt")
    hayate("export", "--model", folder / "model.hyt", "--to", "onnx", "--output", folder / "model.onnx")
    hayate("export", "--model", folder / "model.hyt", "--to", "lightgbm", "--output", folder / "model.txt")
