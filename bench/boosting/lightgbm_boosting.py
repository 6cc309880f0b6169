"""lightgbm_boosting.py DATA ANSWER THREADS REPEATS BINS [quantised]"""
import sys

import lightgbm

from forest.cases import run


def train(x, y, seed, threads):
    params = {"objective": "binary", "num_leaves": 31, "learning_rate": 0.1, "max_bin": int(sys.argv[5]), "use_quantized_grad": "quantised" in sys.argv, "quant_train_renew_leaf": True,
              "seed": seed, "num_threads": threads, "force_col_wise": True, "verbose": -1}
    return lightgbm.train(params, lightgbm.Dataset(x, y, params=params), num_boost_round=ROUNDS).predict


ROUNDS = 100
if __name__ == "__main__":
    run(train, lightgbm.__version__)
