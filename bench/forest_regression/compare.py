"""compare.py DATA EXPECTED ANSWER: mean R2 over the seeds, held against that of EXPECTED. See problem.toml, tolerance."""
import pathlib
import sys

import numpy as np

data, expected, answer = map(pathlib.Path, sys.argv[1:4])


def scores(answers):
    for folder in sorted(data.iterdir()):
        y = np.fromfile(folder / "test_y.f32", "<f4")
        yield np.mean([1 - ((y - p) ** 2).mean() / y.var() for p in np.fromfile(answers / f"{folder.name}.f32", "<f4").reshape(-1, len(y))])


want, got = list(scores(expected)), list(scores(answer))
print("R2 " + " ".join(f"{score:.4f}" for score in got))
sys.exit(any(abs(a - b) > 0.01 for a, b in zip(want, got, strict=True)))
