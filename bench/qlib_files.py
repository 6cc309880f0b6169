"""Writes bars in qlib's binary layout (its scripts/dump_bin.py): a calendar, a list of symbols, and per field the calendar position of the
first value, then the values, all float32; a day without a bar is NaN."""
import numpy as np
import pandas as pd

FIELDS = ("open", "high", "low", "close", "volume", "vwap")


def write_qlib(folder, universe):
    """universe: {symbol: bars with the columns date and FIELDS, sorted by date}."""
    calendar = pd.DatetimeIndex(sorted(set().union(*(pd.to_datetime(bars.date) for bars in universe.values()))))
    for name in ("calendars", "instruments"):
        (folder / name).mkdir(parents=True)
    (folder / "calendars/day.txt").write_text("".join(f"{date:%Y-%m-%d}\n" for date in calendar))
    lines = []
    for symbol, bars in universe.items():
        dates = pd.DatetimeIndex(pd.to_datetime(bars.date))
        first, last = calendar.get_indexer([dates[0], dates[-1]])
        rows = bars.set_index(dates).reindex(calendar[first : last + 1])
        lines.append(f"{symbol}\t{dates[0]:%Y-%m-%d}\t{dates[-1]:%Y-%m-%d}\n")
        own = folder / "features" / symbol.lower()
        own.mkdir(parents=True)
        for field in FIELDS:
            np.concatenate([[first], rows[field]]).astype("<f4").tofile(own / f"{field}.day.bin")
    (folder / "instruments/all.txt").write_text("".join(lines))
