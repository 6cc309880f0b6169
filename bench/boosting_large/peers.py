"""peers.py DATA ANSWER THREADS REPEATS lightgbm BINS [quantised] | xgboost: the programs of bench/boosting with fewer rounds."""
import importlib
import sys

from forest.cases import run

module = importlib.import_module({"lightgbm": "boosting.lightgbm_boosting", "xgboost": "boosting.xgboost_hist"}[name := sys.argv.pop(5)])
module.ROUNDS = 30
run(module.train, importlib.import_module(name).__version__)
