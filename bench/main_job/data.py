"""data.py DATA: bars.parquet, 500 symbols x 1,250 days made by hayate from the bundled prices; and every 25th symbol
in qlib's binary layout (scripts/dump_bin.py: a calendar, a list of symbols, and per field the calendar position of the first value, then
the values, all float32), as a user of qlib would have them lying ready."""
import pathlib
import subprocess
import sys

import numpy as np
import pandas as pd

from walk_forward import read_bars

data = pathlib.Path(sys.argv[1])
subprocess.run(["build/release/hayate", "synth", "--like", "examples/prices/*.csv", "--symbols", "500", "--days", "1250", "--seed", "1", "--quiet",
                "--output", data / "bars.parquet"], check=True)

universe = read_bars(data / "bars.parquet")
calendar = pd.Index(np.unique(np.concatenate([bars.date for bars in universe.values()])))
for folder in ("calendars", "instruments"):
    (data / "qlib" / folder).mkdir(parents=True)
(data / "qlib/calendars/day.txt").write_text("".join(f"{pd.Timestamp(date):%Y-%m-%d}\n" for date in calendar))
lines = []
for symbol, bars in universe.items():
    first, last = calendar.get_indexer([bars.date.iloc[0], bars.date.iloc[-1]])
    lines.append(f"{symbol}\t{pd.Timestamp(bars.date.iloc[0]):%Y-%m-%d}\t{pd.Timestamp(bars.date.iloc[-1]):%Y-%m-%d}\n")
    rows = bars.set_index("date").reindex(calendar[first : last + 1])
    own = data / "qlib/features" / symbol.lower()
    own.mkdir(parents=True)
    for field in ("open", "high", "low", "close", "volume", "vwap"):
        np.concatenate([[first], rows[field]]).astype("<f4").tofile(own / f"{field}.day.bin")
(data / "qlib/instruments/all.txt").write_text("".join(lines))
