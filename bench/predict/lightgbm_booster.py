import lightgbm

from calls import run


def load(folder, threads):
    booster = lightgbm.Booster(model_file=folder / "model.txt")
    return lambda rows: booster.predict(rows, num_threads=threads)


run(load, lightgbm.__version__)
