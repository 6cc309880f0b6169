"""KunQuant: its own Alpha158, compiled for this machine before the clock starts; days by symbols as it likes best, output buffers reused.
The argument after REPEATS is the type it computes in, float (float32) or double."""
import importlib.metadata
import json
import resource
import sys
import time

import numpy as np
from KunQuant.Driver import KunCompilerConfig
from KunQuant.jit import cfake
from KunQuant.Op import Builder, Input, Output
from KunQuant.predefined.Alpha158 import AllData
from KunQuant.runner import KunRunner
from KunQuant.Stage import Function

SYMBOLS, DAYS, ANSWER_SYMBOLS = 500, 2500, 20
data, answer, threads, repeats = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
DTYPE = sys.argv[5]
LANES = {"float": 8, "double": 4}[DTYPE] * (2 if "avx512f" in open("/proc/cpuinfo").read() else 1)


def read(name):
    """days x symbols; some symbols twice where the lanes of its blocks would not be full."""
    values = np.fromfile(f"{data}/{name}.f32", "<f4").reshape(SYMBOLS, DAYS).astype({"float": "f4", "double": "f8"}[DTYPE])
    return np.ascontiguousarray(np.concatenate([values, values[: -SYMBOLS % LANES]]).T)


bars = {name: read(name) for name in ("open", "high", "low", "close", "volume")}
bars["amount"] = read("vwap") * (bars["volume"] + bars["volume"].dtype.type(1e-6))   # it takes the money traded and divides by this again
builder = Builder()
with builder:
    inputs = AllData(**{name: Input(name) for name in ("open", "close", "high", "low", "volume", "amount")})
    prices = [("OPEN", inputs.open), ("HIGH", inputs.high), ("LOW", inputs.low), ("VWAP", inputs.vwap)]
    features, names = inputs.build({"kbar": {}, "price": {"windows": [0], "feature": prices}, "rolling": {}})
    for feature, name in zip(features, names):
        Output(feature, name)
config = KunCompilerConfig(partition_factor=4, dtype=DTYPE, blocking_len=LANES, input_layout="TS", output_layout="TS", options={"opt_reduce": True, "fast_log": False})
library = cfake.compileit([("alpha158", Function(builder.ops), config)], "alpha158", cfake.CppCompilerConfig())
module = library.getModule("alpha158")
executor = KunRunner.createSingleThreadExecutor() if threads == 1 else KunRunner.createMultiThreadExecutor(threads)
outputs = {name: np.empty_like(bars["close"]) for name in names}
KunRunner.runGraph(executor, module, bars, 0, DAYS, outputs)

walls, cpus = [], []
for _ in range(repeats):
    cpu = lambda usage=resource.getrusage: sum(usage(resource.RUSAGE_SELF)[:2])
    wall, before = time.perf_counter(), cpu()
    KunRunner.runGraph(executor, module, bars, 0, DAYS, outputs)
    walls.append(time.perf_counter() - wall)
    cpus.append(cpu() - before)
np.array([outputs[name][:, :ANSWER_SYMBOLS].T for name in names], "<f4").tofile(f"{answer}/features.f32")
print(json.dumps({"version": importlib.metadata.version("KunQuant"), "cases": {"no row missing": {"wall_s": walls, "cpu_s": cpus}}}))
