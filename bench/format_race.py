"""What the peers of the race share: formats saved and loaded one after another, and what was loaded summed up."""
import json
import sys

from timed_cases import Cases


def race(version, formats, to_pandas):
    """formats: {name: (file name, save(path), load(path))}."""
    answer, cases, loaded = sys.argv[2], Cases(int(sys.argv[4])), {}
    for name, (file, save, load) in formats.items():
        path = f"{answer}/{file}"
        cases.time(f"{name} save", lambda: save(path))
        frame = to_pandas(cases.time(f"{name} load", lambda: load(path)))
        loaded[name] = {"rows": len(frame), **{column: float(frame[column].sum()) for column in ("user_id", "age", "income", "score")},
                        **{str(key): int(count) for key, count in frame["category"].astype(str).value_counts().items()}}
    with open(f"{answer}/loaded.json", "w") as out:
        json.dump(loaded, out)
    cases.print(version)
