import xgboost

from forest.cases import run


def train(x, y, seed, threads):
    params = {"objective": "binary:logistic", "tree_method": "hist", "grow_policy": "lossguide", "max_leaves": 31, "max_depth": 0, "eta": 0.1, "lambda": 0,
              "min_child_weight": 4, "max_bin": 64, "seed": seed, "nthread": threads}
    booster = xgboost.train(params, xgboost.QuantileDMatrix(x, y, max_bin=64, nthread=threads), num_boost_round=ROUNDS)
    return lambda rows: booster.inplace_predict(rows)


ROUNDS = 100
if __name__ == "__main__":
    run(train, xgboost.__version__)
