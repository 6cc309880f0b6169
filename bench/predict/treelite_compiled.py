"""treelite's compiler: the trees as C, compiled by the machine's compiler before anything is timed."""
import tempfile

import tl2cgen
import treelite

from calls import run


def load(folder, threads):
    library = tempfile.mkdtemp() + "/model.so"
    model = treelite.frontend.load_lightgbm_model(folder / "model.txt")
    tl2cgen.export_lib(model, toolchain="gcc", libpath=library, params={"parallel_comp": 8})
    predictor = tl2cgen.Predictor(library, nthread=threads)
    return lambda rows: predictor.predict(tl2cgen.DMatrix(rows)).reshape(-1)


run(load, treelite.__version__)
