"""Reads the cases, times a training function on each, writes the answers: what the Python peers share."""
import json
import pathlib
import resource
import sys
import time

import numpy as np

TREES = 100


def cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def run(train, version):
    """train(x, y, seed, threads) -> a function from rows to the probability of class 1. x is row by row, as these libraries like it."""
    data, answer, threads, repeats = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    cases = {}
    for folder in sorted(data.iterdir(), key=lambda folder: int(folder.name.split("x")[0])):
        features = int(folder.name.split("x")[1])
        read = lambda name: np.ascontiguousarray(np.fromfile(folder / f"{name}_x.f32", "<f4").reshape(features, -1).T)
        x, test, y = read("train"), read("test"), np.fromfile(folder / "train_y.f32", "<f4").astype(np.int32)
        train(x, y, 0, threads)   # whatever a library does only once
        walls, cpus, probabilities = [], [], []
        for seed in range(repeats):
            wall, cpu = time.perf_counter(), cpu_seconds()
            predict = train(x, y, seed, threads)
            walls.append(time.perf_counter() - wall)
            cpus.append(cpu_seconds() - cpu)
            probabilities.append(predict(test))
        np.array(probabilities, "<f4").tofile(answer / f"{folder.name}.f32")
        cases[folder.name] = {"wall_s": walls, "cpu_s": cpus}
    print(json.dumps({"version": version, "cases": cases}))
