"""data.py DATA: four binary problems, rows x features as in problem.toml. A quarter of the features carry the label, alone or in pairs;
strengths fall from one to the next; a tenth of the labels is flipped, so that no forest is perfect."""
import pathlib
import sys

import numpy as np

TEST_ROWS = 4096

for rows, features in ((500, 20), (2000, 60), (5000, 160), (10240, 64)):
    random = np.random.default_rng(rows)
    x = random.normal(size=(rows + TEST_ROWS, features)).astype("float32")
    told = features // 4
    strength = 0.85 ** np.arange(told)
    score = x[:, :told] @ strength + 0.7 * (np.sign(x[:, 0:told:2]) * x[:, 1 : told + 1 : 2]) @ strength[: (told + 1) // 2]
    y = (score > 0) ^ (random.random(len(score)) < 0.1)
    x = x[:, random.permutation(features)]
    folder = pathlib.Path(sys.argv[1], f"{rows}x{features}")
    folder.mkdir()
    for name, part in (("train", slice(0, rows)), ("test", slice(rows, None))):
        np.ascontiguousarray(x[part].T).tofile(folder / f"{name}_x.f32")   # column by column
        y[part].astype("<f4").tofile(folder / f"{name}_y.f32")
