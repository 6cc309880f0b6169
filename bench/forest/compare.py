"""compare.py DATA EXPECTED ANSWER: mean AUC over the seeds, which may be 0.003 below that of EXPECTED. See problem.toml, tolerance.
What other races of classifiers compare is here too."""
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


def standard_error(a, y):
    """Of an AUC (Hanley, McNeil 1982)."""
    ones, zeros = y.sum(), len(y) - y.sum()
    q1, q2 = a / (2 - a), 2 * a * a / (1 + a)
    return np.sqrt((a * (1 - a) + (ones - 1) * (q1 - a * a) + (zeros - 1) * (q2 - a * a)) / (ones * zeros))


def main(allowed):
    """allowed(auc, y): how far below an AUC of EXPECTED an answer may be."""
    data, expected, answer = map(pathlib.Path, sys.argv[1:4])
    worse = False
    for case in sorted(folder.name for folder in data.iterdir()):
        y = np.fromfile(data / case / "test_y.f32", "<f4")
        want, got = mean_auc(expected, case, y), mean_auc(answer, case, y)
        worse |= want - got > allowed(want, y)
        print(f"{case}: AUC {got:.4f}")
    return int(worse)


if __name__ == "__main__":
    sys.exit(main(lambda auc, y: 0.003))
