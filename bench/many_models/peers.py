"""peers.py DATA ANSWER THREADS REPEATS sklearn | sklearnex: a loop over the symbols, forests of one thread in as many processes as there are threads."""
import importlib
import importlib.metadata
import json
import resource
import sys
import time

import joblib
import pandas as pd

data, answer, threads, _, package = sys.argv[1:6]
EVERY = 25


def cpu_seconds():
    return sum(use.ru_utime + use.ru_stime for use in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))


def train_and_predict(train, test, package):
    forest = importlib.import_module(f"{package}.ensemble").RandomForestClassifier(100, max_depth=10, max_features="sqrt", random_state=1)
    forest.fit(train.drop(columns=["symbol", "y"]).to_numpy(), train.y.to_numpy())
    return test[["symbol", "y"]].assign(probability_1=forest.predict_proba(test.drop(columns=["symbol", "y"]).to_numpy())[:, 1])


train, test = (pd.read_feather(f"{data}/{name}.arrow") for name in ("train", "test"))
symbols = train.symbol.unique()
own = symbols[::EVERY]
parts = [(train[train.symbol == symbol], test[test.symbol == symbol]) for symbol in own]
pool = joblib.Parallel(n_jobs=int(threads))
pool(joblib.delayed(train_and_predict)(*parts[0], package) for _ in range(int(threads)))   # starting the processes is no part of the loop
wall, cpu = time.perf_counter(), time.process_time()
predictions = pool(joblib.delayed(train_and_predict)(*part, package) for part in parts)
wall, cpu = time.perf_counter() - wall, (time.perf_counter() - wall) * int(threads)
pd.concat(predictions).to_parquet(f"{answer}/predictions.parquet", index=False)
name = {"sklearn": "scikit-learn", "sklearnex": "scikit-learn-intelex"}[package]
print(json.dumps({"version": f"{importlib.metadata.version(name)}, joblib {joblib.__version__}", "part": {"wall_s": wall, "cpu_s": cpu, "times": len(symbols) / len(own)}}))
