"""What the peers of the race share: formats saved and loaded one after another, and what was loaded summed up."""
import json
import resource
import sys
import time


def race(version, table, formats, to_pandas):
    """formats: {name: (file name, save(path), load(path))}."""
    answer, repeats = sys.argv[2], int(sys.argv[4])
    cases, loaded = {}, {}

    def timed(case, work):
        walls, cpus, out = [], [], None
        for _ in range(repeats):
            out = None
            cpu = lambda usage=resource.getrusage: sum(usage(resource.RUSAGE_SELF)[:2])
            wall, before = time.perf_counter(), cpu()
            out = work()
            walls.append(time.perf_counter() - wall)
            cpus.append(cpu() - before)
        cases[case] = {"wall_s": walls, "cpu_s": cpus}
        return out

    for name, (file, save, load) in formats.items():
        path = f"{answer}/{file}"
        timed(f"{name} save", lambda: save(path))
        frame = to_pandas(timed(f"{name} load", lambda: load(path)))
        loaded[name] = {"rows": len(frame), **{column: float(frame[column].sum()) for column in ("user_id", "age", "income", "score")},
                        **{str(key): int(count) for key, count in frame["category"].astype(str).value_counts().items()}}
    with open(f"{answer}/loaded.json", "w") as out:
        json.dump(loaded, out)
    print(json.dumps({"version": version, "cases": cases}))
