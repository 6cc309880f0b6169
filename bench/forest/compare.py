"""compare.py DATA EXPECTED ANSWER: mean AUC over the seeds, which may be 0.01 below that of EXPECTED. See problem.toml, tolerance."""
import pathlib
import sys

import numpy as np

data, expected, answer = map(pathlib.Path, sys.argv[1:4])


def auc(probability, y):
    """Chance that a row of class 1 gets more than one of class 0, ties counted half."""
    _, rank, count = np.unique(probability, return_inverse=True, return_counts=True)
    middle = (np.cumsum(count) - (count - 1) / 2)[rank]
    ones = y.sum()
    return (middle[y == 1].sum() - ones * (ones + 1) / 2) / (ones * (len(y) - ones))


def scores(answers):
    for folder in sorted(data.iterdir(), key=lambda folder: int(folder.name.split("x")[0])):
        y = np.fromfile(folder / "test_y.f32", "<f4")
        yield np.mean([auc(probability, y) for probability in np.fromfile(answers / f"{folder.name}.f32", "<f4").reshape(-1, len(y))])


want, got = list(scores(expected)), list(scores(answer))
print("AUC " + " ".join(f"{score:.4f}" for score in got))
sys.exit(any(a - b > 0.01 for a, b in zip(want, got, strict=True)))
