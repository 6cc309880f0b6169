"""TA-Lib: it has no call over many symbols, so every function is called for every symbol, on double bars and into its own fresh arrays."""
import importlib.metadata
import json
import resource
import sys
import time

import numpy as np
import talib

SYMBOLS, DAYS, ANSWER_SYMBOLS = 500, 2500, 20
data, answer, _, repeats = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
high, low, close, volume = (np.fromfile(f"{data}/{name}.f32", "<f4").reshape(SYMBOLS, DAYS).astype("f8") for name in ("high", "low", "close", "volume"))


def compute(s):
    h, l, c, v = high[s], low[s], close[s], volume[s]
    return [talib.SMA(c, timeperiod=20), talib.EMA(c, timeperiod=12), talib.EMA(c, timeperiod=26), talib.RSI(c, timeperiod=14),
            *talib.MACD(c, fastperiod=12, slowperiod=26, signalperiod=9), *talib.BBANDS(c, timeperiod=20, nbdevup=2, nbdevdn=2, matype=0),
            talib.ADX(h, l, c, timeperiod=14), talib.CCI(h, l, c, timeperiod=14), talib.WILLR(h, l, c, timeperiod=14),
            *talib.STOCH(h, l, c, fastk_period=5, slowk_period=3, slowk_matype=0, slowd_period=3, slowd_matype=0), talib.OBV(c, v),
            talib.MFI(h, l, c, v, timeperiod=14), talib.SAR(h, l, acceleration=0.02, maximum=0.2), talib.ATR(h, l, c, timeperiod=14)]


walls, cpus = [], []
for _ in range(repeats + 1):
    cpu = lambda usage=resource.getrusage: sum(usage(resource.RUSAGE_SELF)[:2])
    wall, before = time.perf_counter(), cpu()
    outputs = [compute(s) for s in range(SYMBOLS)]
    walls.append(time.perf_counter() - wall)
    cpus.append(cpu() - before)
np.array([[outputs[s][i] for s in range(ANSWER_SYMBOLS)] for i in range(19)], "<f4").tofile(f"{answer}/features.f32")
print(json.dumps({"version": importlib.metadata.version("TA-Lib"), "cases": {"": {"wall_s": walls[1:], "cpu_s": cpus[1:]}}}))
