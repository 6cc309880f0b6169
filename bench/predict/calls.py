"""Times the calls of a peer and writes its answers: what the Python peers share."""
import json
import pathlib
import resource
import sys
import time

import numpy as np

FEATURES, SINGLE = 60, 256


def cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def run(load, version):
    """load(folder, threads) -> a function from rows (float32, row by row) to the probability of class 1."""
    data, answer, threads, repeats = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    rows = np.fromfile(data / "rows_x.f32", "<f4").reshape(-1, FEATURES)
    singles = [np.ascontiguousarray(rows[i : i + 1]) for i in range(SINGLE)]
    cases = {}
    for model in ("forest", "boosting"):
        predict = load(data / model, threads)
        for name, parts, file in ((f"{model}, 1 row", singles, f"{model}_rows.f32"), (f"{model}, 4096 rows", [rows], f"{model}.f32")):
            np.concatenate([predict(part) for part in parts]).astype("<f4").tofile(answer / file)   # and whatever a library does only once
            seconds = {"wall_s": [], "cpu_s": []}
            for _ in range(repeats):
                wall, cpu = time.perf_counter(), cpu_seconds()
                for part in parts:
                    predict(part)
                seconds["wall_s"].append((time.perf_counter() - wall) / len(parts))
                seconds["cpu_s"].append((cpu_seconds() - cpu) / len(parts))
            cases[name] = seconds
    print(json.dumps({"version": version, "cases": cases}))
