import json
import pathlib
import resource
import sys
import time

import numpy as np
import sklearn
from sklearn.ensemble import RandomForestRegressor


def cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


data, answer, threads, repeats = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
cases = {}
for folder in sorted(data.iterdir()):
    shape, max_features = folder.name.split("_")
    features = int(shape.split("x")[1])
    read = lambda name: np.ascontiguousarray(np.fromfile(folder / f"{name}_x.f32", "<f4").reshape(features, -1).T)
    x, test, y = read("train"), read("test"), np.fromfile(folder / "train_y.f32", "<f4")
    walls, cpus, predictions = [], [], []
    for seed in range(repeats):
        forest = RandomForestRegressor(50, max_depth=8, max_features={"sqrt": "sqrt", "third": 1 / 3}[max_features], random_state=seed, n_jobs=threads)
        wall, cpu = time.perf_counter(), cpu_seconds()
        forest.fit(x, y)
        walls.append(time.perf_counter() - wall)
        cpus.append(cpu_seconds() - cpu)
        predictions.append(forest.predict(test))
    np.array(predictions, "<f4").tofile(answer / f"{folder.name}.f32")
    cases[folder.name] = {"wall_s": walls, "cpu_s": cpus}
print(json.dumps({"version": sklearn.__version__, "cases": cases}))
