"""Alpha158 in pandas, forests by scikit-learn."""
import pandas
import sklearn
from sklearn.ensemble import RandomForestRegressor

from pandas_alpha158 import alpha158
from walk_forward import run


def features_of(symbol, bars):
    return alpha158(bars)


def forest_of(seed):
    return RandomForestRegressor(n_estimators=50, max_depth=8, max_features="sqrt", random_state=seed)


if __name__ == "__main__":
    run(features_of, forest_of, f"scikit-learn {sklearn.__version__}, pandas {pandas.__version__}")
