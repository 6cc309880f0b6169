"""Alpha158 in pandas: the formulas of qlib (contrib/data/loader.py, data/ops.py, version 0.9.7) as vectorised calls, one symbol at a time.

Written as a careful user would: every rolling call is one of pandas' compiled ones, intermediate series are shared, and the
regressions (BETA, RSQR, RESI), for which pandas has nothing, are sums over sliding windows in numpy. Values equal qlib's within
the tolerance of compare.py, NaN for NaN.
"""
import numpy as np
import pandas as pd

WINDOWS = (5, 10, 20, 30, 60)
EPSILON = np.float32(1e-12)


def rolling(series, window):
    return series.rolling(window, min_periods=1)


def regression(y, window):
    """Slope, R^2 and residual of the newest value of the least squares line through each window; its newest value stands at x = window."""
    padded = np.concatenate([np.full(window - 1, np.nan), y.to_numpy(float)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, window)
    there = ~np.isnan(windows)
    x = np.arange(1.0, window + 1)
    values = np.where(there, windows, 0.0)
    n, sum_x, sum_xx = there.sum(1), there @ x, there @ (x * x)
    sum_y, sum_xy, sum_yy = values.sum(1), values @ x, (values * values).sum(1)
    with np.errstate(invalid="ignore", divide="ignore"):
        spread_x, spread_y, both = n * sum_xx - sum_x**2, n * sum_yy - sum_y**2, n * sum_xy - sum_x * sum_y
        slope = both / spread_x
        residual = y.to_numpy(float) - (slope * window + (sum_y - slope * sum_x) / n)
        square = both**2 / (spread_x * spread_y)
    square[np.isclose(rolling(y, window).std(), 0, atol=2e-5)] = np.nan
    return slope, square, residual


def first_extreme(series, window, find):
    """Position, from 1, of the first extreme of each window, a NaN before all; at the start windows are shorter."""
    values = series.to_numpy(float)
    out = np.empty(len(values))
    short = min(window - 1, len(values))
    out[:short] = [find(values[: i + 1]) + 1 for i in range(short)]
    if len(values) >= window:
        out[short:] = find(np.lib.stride_tricks.sliding_window_view(values, window), axis=1) + 1
    out[rolling(series, window).count() == 0] = np.nan
    return out


def correlation(a, b, window):
    out = rolling(a, window).corr(b).to_numpy(copy=True)
    for side in (a, b):
        out[np.isclose(rolling(side, window).std(), 0, atol=2e-5)] = np.nan
    return out


def movement(change, window):
    """Share of the gains, of the losses and of their difference in all movement of the window."""
    gains = rolling(change.clip(lower=0), window).sum()
    losses = rolling((-change).clip(lower=0), window).sum()
    total = rolling(change.abs(), window).sum() + 1e-12
    return gains / total, losses / total, (gains - losses) / total


def alpha158(bars):
    """Features of one symbol: bars has open, high, low, close, volume and vwap, sorted by date; 158 float32 columns come back in qlib's order."""
    o, h, l, c, v, w = (bars[name].astype("float32") for name in ("open", "high", "low", "close", "volume", "vwap"))
    top, bottom, span = np.maximum(o, c), np.minimum(o, c), h - l + EPSILON
    out = {"KMID": (c - o) / o, "KLEN": (h - l) / o, "KMID2": (c - o) / span, "KUP": (h - top) / o, "KUP2": (h - top) / span, "KLOW": (bottom - l) / o,
           "KLOW2": (bottom - l) / span, "KSFT": (2 * c - h - l) / o, "KSFT2": (2 * c - h - l) / span,
           "OPEN0": o / c, "HIGH0": h / c, "LOW0": l / c, "VWAP0": w / c}
    previous, change, volume_change = c.shift(1), c - c.shift(1), v - v.shift(1)
    log_volume, log_volume_change = np.log(v + 1), np.log(v / v.shift(1) + 1)
    moved, up, down = c / previous, (c > previous).astype(float), (c < previous).astype(float)
    weighted = (moved - 1).abs() * v
    columns = {}
    for d in WINDOWS:
        slope, square, residual = regression(c, d)
        high, low = rolling(h, d).max(), rolling(l, d).min()
        first_high, first_low = first_extreme(h, d, np.argmax), first_extreme(l, d, np.argmin)
        close, volume = rolling(c, d), rolling(v, d)
        rises, falls = rolling(up, d).mean(), rolling(down, d).mean()
        gains, losses, difference = movement(change, d)
        volume_gains, volume_losses, volume_difference = movement(volume_change, d)
        columns[d] = {
            "ROC": c.shift(d) / c, "MA": close.mean() / c, "STD": close.std() / c, "BETA": slope / c, "RSQR": square, "RESI": residual / c,
            "MAX": high / c, "MIN": low / c, "QTLU": close.quantile(0.8) / c, "QTLD": close.quantile(0.2) / c, "RANK": close.rank(pct=True),
            "RSV": (c - low) / (high - low + 1e-12), "IMAX": first_high / d, "IMIN": first_low / d, "IMXD": (first_high - first_low) / d,
            "CORR": correlation(c, log_volume, d), "CORD": correlation(moved, log_volume_change, d),
            "CNTP": rises, "CNTN": falls, "CNTD": rises - falls, "SUMP": gains, "SUMN": losses, "SUMD": difference,
            "VMA": volume.mean() / (v + EPSILON), "VSTD": volume.std() / (v + EPSILON), "WVMA": rolling(weighted, d).std() / (rolling(weighted, d).mean() + 1e-12),
            "VSUMP": volume_gains, "VSUMN": volume_losses, "VSUMD": volume_difference}
    for name in columns[WINDOWS[0]]:
        out.update({f"{name}{d}": columns[d][name] for d in WINDOWS})
    return pd.DataFrame(out, index=bars.index).astype("float32")
