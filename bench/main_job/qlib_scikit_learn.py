"""Alpha158 by qlib from its own binary files (written by data.py before the clock starts), forests by scikit-learn."""
import logging

import qlib.data
import sklearn
from qlib.contrib.data.loader import Alpha158DL
from sklearn.ensemble import RandomForestRegressor

from walk_forward import run

EXPRESSIONS, NAMES = Alpha158DL.get_feature_config()


def start(data):
    """In every process. One kernel: the processes are two already."""
    qlib.init(provider_uri=f"{data}/qlib", region="us", kernels=1, expression_cache=None, dataset_cache=None, logging_level=logging.ERROR)


def features_of(symbol, bars):
    return qlib.data.D.features([symbol], EXPRESSIONS, freq="day").droplevel(0).reindex(bars.date)


def forest_of(seed):
    return RandomForestRegressor(n_estimators=50, max_depth=8, max_features="sqrt", random_state=seed)


if __name__ == "__main__":
    run(features_of, forest_of, f"qlib {qlib.__version__}, scikit-learn {sklearn.__version__}", start)
