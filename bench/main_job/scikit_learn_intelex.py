"""Alpha158 in pandas, forests by scikit-learn-intelex. Its forest takes no NaN (the first rows of some features): they become 0 as in
qlib's own recipes."""
import importlib.metadata

import pandas
from sklearnex.ensemble import RandomForestRegressor

from pandas_alpha158 import alpha158
from walk_forward import run


def features_of(symbol, bars):
    return alpha158(bars).fillna(0)


def forest_of(seed):
    return RandomForestRegressor(n_estimators=50, max_depth=8, max_features="sqrt", random_state=seed, n_jobs=1)


if __name__ == "__main__":
    run(features_of, forest_of, f"scikit-learn-intelex {importlib.metadata.version('scikit-learn-intelex')}, pandas {pandas.__version__}")
