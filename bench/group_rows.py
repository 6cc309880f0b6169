"""The table of the group-by and CSV races: the shape of db-benchmark's G1, 10,000,000 rows, K = 100, from numpy's generator, seed 108."""
import numpy as np
import pyarrow as pa

ROWS, K = 10_000_000, 100


def names(count, width):
    return pa.array([f"id{i:0{width}}" for i in range(1, count + 1)])


def group_rows():
    """id1, id2: 100 texts; id3: 100,000 texts; id4, id5: 1 to 100; id6: 1 to 100,000; v1: 1 to 5; v2: 1 to 15; v3: 0 to 100 with six decimals."""
    random = np.random.default_rng(108)
    texts = lambda count, width: pa.DictionaryArray.from_arrays(random.integers(0, count, ROWS, dtype="i4"), names(count, width))
    whole = lambda most: random.integers(1, most + 1, ROWS, dtype="i4")
    return pa.table({"id1": texts(K, 3), "id2": texts(K, 3), "id3": texts(ROWS // K, 10), "id4": whole(K), "id5": whole(K), "id6": whole(ROWS // K),
                     "v1": whole(5), "v2": whole(15), "v3": np.round(random.uniform(0, 100, ROWS), 6)})
