"""qlib's own expression engine, one process. Its bars are files of float32 in the page cache (5 of its 78 seconds at most are not arithmetic);
no result is cached from one call to the next, as none would be for a new day."""
import json
import logging
import resource
import sys
import time

import qlib
from qlib.contrib.data.loader import Alpha158DL
from qlib.data import D

ANSWER_SYMBOLS = 20
data, answer, threads, repeats = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
qlib.init(provider_uri=f"{data}/qlib", region="us", kernels=threads, expression_cache=None, dataset_cache=None, logging_level=logging.ERROR)
expressions, names = Alpha158DL.get_feature_config()
cpu = lambda: sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
D.features(["S000"], expressions, freq="day")   # parses the expressions

walls, cpus = [], []
for _ in range(repeats):
    wall, before = time.perf_counter(), cpu()
    features = D.features(D.instruments("all"), expressions, freq="day")
    walls.append(time.perf_counter() - wall)
    cpus.append(cpu() - before)


def write_answer(name, features, symbol):
    """features x symbols x days"""
    by_symbol = [features.loc[symbol.format(number)].to_numpy("<f4").T for number in range(ANSWER_SYMBOLS)]
    with open(f"{answer}/{name}.f32", "wb") as out:
        for feature in range(len(names)):
            for own in by_symbol:
                own[feature].tofile(out)


write_answer("features", features, "S{:03d}")
write_answer("missing", D.features(D.instruments("missing"), expressions, freq="day"), "M{:03d}")   # checked, not timed
print(json.dumps({"version": qlib.__version__, "cases": {"no row missing": {"wall_s": walls, "cpu_s": cpus}}}))
