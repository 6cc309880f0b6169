"""compare.py DATA EXPECTED ANSWER: mean AUC over the seeds, which may be 0.01 below that of EXPECTED. See problem.toml, tolerance."""
import pathlib
import sys

import numpy as np

def auc(probability, y):
    """Chance that a row of class 1 gets more than one of class 0, ties counted half."""
    _, rank, count = np.unique(probability, return_inverse=True, return_counts=True)
    middle = (np.cumsum(count) - (count - 1) / 2)[rank]
    ones = y.sum()
    return (middle[y == 1].sum() - ones * (ones + 1) / 2) / (ones * (len(y) - ones))


def mean_auc(answers, case, y):
    return np.mean([auc(probability, y) for probability in np.fromfile(answers / f"{case}.f32", "<f4").reshape(-1, len(y))])


def main(data, expected, answer):
    worse = False
    for case in (folder.name for folder in data.iterdir()):
        y = np.fromfile(data / case / "test_y.f32", "<f4")
        want, got = mean_auc(expected, case, y), mean_auc(answer, case, y)
        worse |= want - got > 0.01
        print(f"{case}: AUC {got:.4f}")
    return int(worse)


if __name__ == "__main__":
    sys.exit(main(*map(pathlib.Path, sys.argv[1:4])))
