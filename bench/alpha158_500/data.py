"""data.py DATA: random bars as float32 files, the same with rows missing, and both in the binary layout of qlib."""
import pathlib
import sys

import numpy as np
import pandas as pd

from qlib_files import write_qlib
from random_bars import DAYS, SYMBOLS, random_bars, write_bars

ANSWER_SYMBOLS, MISSING = 20, 0.001
data = pathlib.Path(sys.argv[1])
bars = random_bars()
write_bars(data, bars)
gone = np.random.default_rng(7).random((SYMBOLS, DAYS)) < MISSING
gone[:, [0, -1]] = False
gaps = {name: np.where(gone, np.nan, values) for name, values in bars.items()}
(data / "missing").mkdir()
write_bars(data / "missing", gaps)

# The symbols of the answer with their gaps are a universe of their own.
dates = pd.bdate_range("2012-01-02", periods=DAYS)
frame = lambda fields, symbol: pd.DataFrame({"date": dates} | {name: values[symbol] for name, values in fields.items()})
write_qlib(data / "qlib", {f"S{symbol:03d}": frame(bars, symbol) for symbol in range(SYMBOLS)}
           | {f"M{symbol:03d}": frame(gaps, symbol).dropna() for symbol in range(ANSWER_SYMBOLS)})
lines = (data / "qlib/instruments/all.txt").read_text().splitlines(keepends=True)
(data / "qlib/instruments/all.txt").write_text("".join(line for line in lines if line.startswith("S")))
(data / "qlib/instruments/missing.txt").write_text("".join(line for line in lines if line.startswith("M")))
