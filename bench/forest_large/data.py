"""data.py DATA: 1,000,000 + 20,000 events of two kinds in 28 features. One kind: two jets and a pair of leptons from one heavy particle; the other: the
same final state without it. Momenta are log-normal, angles uniform or normal, tags have four values; seven invariant masses are computed from them."""
import pathlib
import sys

import numpy as np

ROWS, TEST_ROWS = 1_000_000, 20_000
random = np.random.default_rng(28)
rows = ROWS + TEST_ROWS
signal = random.random(rows) < 0.53

momentum = np.exp(random.normal(scale=0.5, size=(6, rows)) + 0.12 * signal * np.array([1, 0.5, 0.8, 0.3, -0.4, 0])[:, None])
pseudorapidity = random.normal(scale=1 - 0.08 * signal, size=(6, rows))
angle = random.uniform(-np.pi, np.pi, size=(6, rows))
# What comes from one particle flies apart less.
angle[1] = np.where(signal & (random.random(rows) < 0.35), angle[0] + random.normal(scale=0.9, size=rows), angle[1])
tag = random.choice(4, size=(3, rows), p=[0.5, 0.25, 0.15, 0.1]) + (random.random((3, rows)) < 0.08 * signal)


def mass(*particles):
    """Invariant mass of some of the six, from energy and momentum."""
    p, eta, phi = (np.array([quantity[i] for i in particles]) for quantity in (momentum, pseudorapidity, angle))
    squares = (p * np.cosh(eta)).sum(0) ** 2 - (p * np.cos(phi)).sum(0) ** 2 - (p * np.sin(phi)).sum(0) ** 2 - (p * np.sinh(eta)).sum(0) ** 2
    return np.sqrt(np.maximum(squares, 0))


masses = [mass(0, 1), mass(0, 1, 2), mass(2, 3), mass(3, 4), mass(4, 5), mass(0, 1, 2, 3), mass(2, 3, 4, 5)]
x = np.stack([*momentum, *pseudorapidity, *angle, *tag, *masses]).astype("<f4")
folder = pathlib.Path(sys.argv[1], f"{ROWS}x{len(x)}")
folder.mkdir()
for name, part in (("train", slice(0, ROWS)), ("test", slice(ROWS, None))):
    np.ascontiguousarray(x[:, part]).tofile(folder / f"{name}_x.f32")   # column by column
    signal[part].astype("<f4").tofile(folder / f"{name}_y.f32")
