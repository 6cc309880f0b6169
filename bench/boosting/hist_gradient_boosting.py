import sklearn
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_limits

from forest.cases import run


def train(x, y, seed, threads):
    with threadpool_limits(threads):   # it has no parameter for this
        model = HistGradientBoostingClassifier(max_iter=ROUNDS, max_leaf_nodes=31, learning_rate=0.1, max_bins=64, early_stopping=False, random_state=seed).fit(x, y)
    return lambda rows: model.predict_proba(rows)[:, 1]


ROUNDS = 100
if __name__ == "__main__":
    run(train, sklearn.__version__)
