"""Answers of feature programs against a reference, column by column: what compare.py of a race over 20 symbols x 2,500 days says."""
import sys

import numpy as np

RELATIVE, ABSOLUTE, SYMBOLS, DAYS = 1e-5, 1e-5, 20, 2500


def compare_columns(expected, answer):
    want, got = (np.fromfile(f"{folder}/features.f32", "<f4").reshape(-1, SYMBOLS, DAYS) for folder in (expected, answer))
    differ = ~np.isclose(got, want, rtol=RELATIVE, atol=ABSOLUTE, equal_nan=True)
    columns = [i for i in range(len(want)) if differ[i].any()]
    if columns:
        sys.exit(f"columns {columns} differ, {differ.mean():.4%} of the cells")
    print("the reference" if expected == answer else "equal in all cells")
