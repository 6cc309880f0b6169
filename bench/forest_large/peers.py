"""peers.py DATA ANSWER THREADS REPEATS PEER: a program of bench/forest with 20 trees."""
import importlib
import sys

import forest.cases

forest.cases.TREES = 20
sys.modules["cases"] = forest.cases
importlib.import_module(f"forest.{sys.argv.pop(5)}")
