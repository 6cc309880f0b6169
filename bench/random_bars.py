"""Bars of 500 symbols x 2,500 days as float32: random walks with volatility of their own each and prices on a tick of 0.01, so that ties
occur as in real bars. The same for every problem that asks for them."""
import numpy as np

SYMBOLS, DAYS = 500, 2500


def random_bars():
    """{field: 500 x 2500}"""
    random = np.random.default_rng(1)
    volatility = random.uniform(0.008, 0.03, (SYMBOLS, 1))
    close = random.uniform(10, 300, (SYMBOLS, 1)) * np.exp(np.cumsum(random.normal(0.0002, 1, (SYMBOLS, DAYS)) * volatility, axis=1))
    tick = lambda price: np.maximum(np.round(price, 2), 0.01)
    close = tick(close)
    opened = tick(np.concatenate([close[:, :1], close[:, :-1]], axis=1) * np.exp(random.normal(0, 1, close.shape) * volatility / 3))
    high = tick(np.maximum(opened, close) * np.exp(np.abs(random.normal(0, 1, close.shape)) * volatility / 2))
    low = tick(np.minimum(opened, close) * np.exp(-np.abs(random.normal(0, 1, close.shape)) * volatility / 2))
    return {"open": opened, "high": np.maximum(high, np.maximum(opened, close)), "low": np.minimum(low, np.minimum(opened, close)), "close": close,
            "volume": np.round(np.exp(random.normal(13, 0.6, close.shape))), "vwap": low + (high - low) * random.uniform(0.2, 0.8, close.shape)}


def write_bars(folder, bars):
    """One file a field, symbol by symbol."""
    for name, values in bars.items():
        values.astype("<f4").tofile(f"{folder}/{name}.f32")
