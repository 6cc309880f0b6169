"""The table of the races over formats and dtypes: 1,000,000 rows from numpy's old generator, seed 42, as pandas users write it."""
import numpy as np
import pandas as pd

ROWS = 1_000_000


def user_rows():
    np.random.seed(42)
    return pd.DataFrame({"user_id": np.random.randint(1, 1_000_000, ROWS), "age": np.random.normal(35, 10, ROWS), "income": np.random.normal(500, 150, ROWS),
                         "category": np.random.choice(["A", "B", "C", "D"], ROWS), "score": np.random.uniform(0, 100, ROWS)})
