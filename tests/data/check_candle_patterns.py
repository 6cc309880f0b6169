"""Holds tests/cases/candle_patterns.case against TA-Lib: pip install TA-Lib numpy; python check_candle_patterns.py"""
from pathlib import Path

import numpy as np
import talib

QUIET = [(99, 102, 98, 101), (101, 102, 98, 99)] * 7

page = Path(__file__).parent.parent / "cases" / "candle_patterns.case"
shown = set()
for line in page.read_text().splitlines():
    if not line or line.startswith("#"):
        continue
    name, signal, *prices = line.split()
    bars = np.array(QUIET + np.array(prices, float).reshape(-1, 4).tolist(), float)
    found = getattr(talib, name)(*(np.ascontiguousarray(column) for column in bars.T))[-1]
    assert found == int(signal), f"{line}\nTA-Lib {talib.__version__} finds {found}"
    shown.add(name)
missing = set(talib.get_function_groups()["Pattern Recognition"]) - shown
assert not missing, f"not shown: {sorted(missing)}"
print(f"{len(shown)} patterns as in TA-Lib {talib.__version__}")
