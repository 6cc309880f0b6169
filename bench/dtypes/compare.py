"""compare.py DATA EXPECTED ANSWER. See problem.toml, tolerance."""
import json
import math
import pathlib
import sys

want, got = (pathlib.Path(folder) for folder in sys.argv[2:4])
read = lambda folder, name: json.loads((folder / name).read_text())
means = read(want, "means.json"), read(got, "means.json")
same = {"compact": read(want, "dtypes.json") == read(got, "dtypes.json"),
        "means": means[0].keys() == means[1].keys() and all(math.isclose(a, b, rel_tol=1e-9) for key in means[0] for a, b in zip(means[0][key], means[1][key]))}
if (got / "norms.json").exists():
    same["norms"] = read(want, "norms.json") == read(got, "norms.json")
for case, fine in same.items():
    print(f"{case}: {('the reference' if want == got else 'equal') if fine else 'differs'}")
sys.exit(not all(same.values()))
