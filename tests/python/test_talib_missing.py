"""--compat talib on bars with missing values: the values of TA-Lib itself (tests/data/make_talib_missing.py)."""
import pathlib

import numpy as np
import pandas as pd

REFERENCE = pathlib.Path(__file__).resolve().parents[1] / "data/talib_missing.csv"


def test_missing_values_do_what_they_do_in_talib(hayate, tmp_path):
    reference = pd.read_csv(REFERENCE)
    calls = [name for name in reference.columns if name.startswith("ta.")]
    reference[[name for name in reference.columns if name not in calls]].to_parquet(tmp_path / "bars.parquet")
    (tmp_path / "calls.txt").write_text("".join(f"x{i} = {call}\n" for i, call in enumerate(calls)))
    hayate("features", "--input", tmp_path / "bars.parquet", "--expr-file", tmp_path / "calls.txt", "--compat", "talib", "--dtype", "float64",
           "--output", tmp_path / "out.parquet")
    got = pd.read_parquet(tmp_path / "out.parquet")
    wrong = []
    for i, call in enumerate(calls):
        want, have = reference[call].to_numpy(), got[f"x{i}"].to_numpy()
        if call.startswith(("ta.CDL", "ta.FRACTAL")):  # whole numbers: 0 where TA-Lib has no value
            have = np.where(np.isnan(have), 0, have)
        if not np.allclose(want, have, rtol=1e-9, atol=1e-9, equal_nan=True):
            wrong.append(call)
    assert not wrong
