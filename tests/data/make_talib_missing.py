"""What TA-Lib makes of bars with missing values: writes talib_missing.csv beside it. Needs TA-Lib (0.8.1 was used), NumPy and pandas."""
import pathlib

import numpy as np
import pandas as pd
import talib
from talib import abstract

CALLS = {
    "AROON": (["high", "low"], [{"timeperiod": 5}]),
    "AROONOSC": (["high", "low"], [{"timeperiod": 5}]),
    "BETA": (["high", "low"], [{"timeperiod": 3}]),
    "CDLTASUKIGAP": (["open", "high", "low", "close"], [{}]),
    "FRACTAL": (["high", "low"], [{"leftbars": 2, "rightbars": 2}, {"leftbars": 1, "rightbars": 3}]),
    "KDJ": (["high", "low", "close"], [{"fastk_period": 5, "slowk_period": 3, "slowd_period": 2}]),
    "PERCENTILE": (["close"], [{"timeperiod": 5, "percentile": 50.0}, {"timeperiod": 4, "percentile": 25.0}]),
    "SMI": (["high", "low", "close"], [{"timeperiod": 4, "fastperiod": 2, "slowperiod": 3, "signalperiod": 2}]),
    "STOCH": (["high", "low", "close"], [{"fastk_period": 4, "slowk_period": 2, "slowk_matype": 0, "slowd_period": 2, "slowd_matype": 2}]),
    "STOCHF": (["high", "low", "close"], [{"fastk_period": 4, "fastd_period": 2, "fastd_matype": 0}]),
    "STOCHRSI": (["coarse"], [{"timeperiod": 14, "fastk_period": 3, "fastd_period": 3, "fastd_matype": 6}]),
    "VHF": (["close"], [{"timeperiod": 4}]),
    "WILLR": (["high", "low", "close"], [{"timeperiod": 4}]),
}


def main():
    parts = []
    for seed in range(12):
        random = np.random.default_rng(seed)
        rows = 70
        close = np.round(100 * np.exp(np.cumsum(random.normal(0, 0.02, rows))), seed % 3)
        bars = pd.DataFrame({"symbol": f"S{seed:02}", "date": pd.bdate_range("2024-01-01", periods=rows).strftime("%Y-%m-%d")})
        bars["open"] = np.round(close * (1 + random.normal(0, 0.01, rows)), 1)
        bars["high"] = np.maximum(bars["open"], close) + np.round(random.random(rows), 1)
        bars["low"] = np.minimum(bars["open"], close) - np.round(random.random(rows), 1)
        bars["close"] = close
        bars["coarse"] = np.round(close)
        bars[["open", "high", "low", "close"]] = bars[["open", "high", "low", "close"]].round(2)  # as the file has them
        for column in ("open", "high", "low", "close"):
            for _ in range(random.integers(0, 4)):
                first = random.integers(0, rows)
                bars.loc[first : first + random.choice([0, 0, 1, 4, 9]), column] = np.nan
        for name, (inputs, calls) in CALLS.items():
            for params in calls:
                values = getattr(talib, name)(*[bars[column].to_numpy() for column in inputs], **params)
                outputs = abstract.Function(name).output_names
                arguments = ", ".join([f"${column}" for column in inputs] + [f"{key}={value}" for key, value in params.items()])
                for output, series in zip(outputs, [values] if len(outputs) == 1 else values):
                    bars[f"ta.{name}({arguments}).{output}"] = np.asarray(series, float)
        parts.append(bars)
    pd.concat(parts).to_csv(pathlib.Path(__file__).parent / "talib_missing.csv", index=False, float_format="%.13g")


if __name__ == "__main__":
    main()
