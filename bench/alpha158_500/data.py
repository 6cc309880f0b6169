"""data.py DATA: random bars as float32 files, and the same bars in the binary layout of qlib."""
import pathlib
import sys

import pandas as pd

from qlib_files import write_qlib
from random_bars import DAYS, SYMBOLS, random_bars, write_bars

bars = random_bars()
write_bars(sys.argv[1], bars)
dates = pd.bdate_range("2012-01-02", periods=DAYS)
write_qlib(pathlib.Path(sys.argv[1], "qlib"),
           {f"S{symbol:03d}": pd.DataFrame({"date": dates} | {name: values[symbol] for name, values in bars.items()}) for symbol in range(SYMBOLS)})
