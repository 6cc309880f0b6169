import importlib.metadata

from sklearnex.ensemble import RandomForestClassifier

import cases


def train(x, y, seed, threads):
    forest = RandomForestClassifier(n_estimators=cases.TREES, max_depth=10, max_features="sqrt", random_state=seed, n_jobs=threads).fit(x, y)
    return lambda rows: forest.predict_proba(rows)[:, 1]


cases.run(train, importlib.metadata.version("scikit-learn-intelex"))
