#!/usr/bin/env python3
"""Hostile bytes for everything that reads them: libFuzzer with the address and undefined behaviour sanitizers, target by target.

  fuzz.py [TARGET...] [--seconds N] [--program BIN] [--hayate BIN]

Each target starts from small files that hayate itself writes here and those in tests/fuzz/seeds, and goes on from what earlier runs found (build/fuzz/corpus).
A crash, a leak, 10 s for one input, 512 MB in one allocation or 2 GB in all is a finding: the file is kept in build/fuzz/crashes; once
it is mended it belongs into tests/fuzz/found/TARGET, which `./dev test` replays.
"""
import argparse
import concurrent.futures
import gzip
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
WORK = ROOT / "build/fuzz"
WORDS = {   # what a fuzzer would need long to find
    "csv": [",", ";", "\\x09", "\\\"", "\\\"\\\"", "\\x0d\\x0a", "2024-01-05", "2024/01/05", "20240105", "2024-01-05T09:00:00Z", "1e308", "-0", "nan", "NULL", "true", "18446744073709551616", "\\xef\\xbb\\xbf"],
    "expression": ["$close", "Mean(", "Ref(", "Corr(", "Quantile(", "If(", "EMA(", "CSRank(", "ta.RSI(", "ta.MACD(", "Power(", "Log(", "-1", "0", "1e-12", "Gt(", "Rank(", "WMA("],
    "aggregate": ["sum(x)", "median(x)", "quantile(x,0.5)", "distinct(k)", "first(d)", "x>1", "k=='a'", "d>='2024-01-05'", " and ", " or ", "not ", " in (", "is missing", "\\x0a"],
    "spec": ["[input]", "[features]", "[label]", "[split]", "[model]", "[tune]", "[advice]", "[exec]", "set = ", "expr = ", "'''"],
    "space": ["choice(", "uniform(", "loguniform(", "randint(", "="],
}


def write_seeds(hayate, seeds):
    """One folder of small files per target."""
    put = lambda target, name, data: ((seeds / target).mkdir(parents=True, exist_ok=True), (seeds / target / name).write_bytes(data))
    run = lambda *words: subprocess.run([hayate, *map(str, words)], check=True, capture_output=True, cwd=ROOT)
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        lines = (ROOT / "examples/prices/AAPL.csv").read_text().splitlines(keepends=True)
        (scratch / "bars.csv").write_text("".join(lines[:40]))
        odd = 'text,flag,when,"q""uoted"\n"a,b",true,2024-01-05T09:00:00Z,1\n,false,,"2\n3"\né,true,2024-01-06T09:00:00Z,\n'
        (scratch / "odd.csv").write_text(odd)
        for source in ("bars", "odd"):
            put("csv", source, (scratch / f"{source}.csv").read_bytes())
            for target, extension in (("csv_zst", "csv.zst"), ("parquet", "parquet"), ("arrow", "arrow"), ("json_table", "json"), ("jsonl", "jsonl")):
                run("convert", scratch / f"{source}.csv", scratch / f"{source}.{extension}")
                put(target, source, (scratch / f"{source}.{extension}").read_bytes())
            put("csv_gz", source, gzip.compress((scratch / f"{source}.csv").read_bytes(), mtime=0))
        put("json_table", "columns", b'{"a":{"0":1,"1":null},"b":{"0":"x","1":"y"}}')
        put("json", "values", json.dumps({"a": [1, -2.5e10, None, True, "\u00e9\n"], "b": {}}).encode())
        (scratch / "x.csv").write_text("a,b,y\n" + "".join(f"{i % 7},{i % 5},{i % 2}\n" for i in range(60)))
        run("convert", scratch / "x.csv", scratch / "x.npy")
        put("npy", "x", (scratch / "x.npy").read_bytes())
        for learner, *few in (("forest", "--params", "num_trees=3"), ("boosting", "--params", "num_trees=3"), ("linear", "--problem", "regression")):
            run("train", "--input", scratch / "x.csv", "--label", "y", "--learner", learner, *few, "--model", scratch / f"{learner}.hyt")
            put("model", learner, (scratch / f"{learner}.hyt").read_bytes())
        run("export", "--model", scratch / "boosting.hyt", "--to", "lightgbm", "--output", scratch / "model.txt")
        put("lightgbm", "boosting", (scratch / "model.txt").read_bytes())
    put("xgboost", "tree", json.dumps({"learner": {"attributes": {}, "feature_names": ["a", "b"], "feature_types": ["float", "float"], "gradient_booster": {"model": {
        "gbtree_model_param": {"num_parallel_tree": "1", "num_trees": "1"}, "tree_info": [0], "trees": [{"base_weights": [0.1, -0.2, 0.3], "categories": [],
        "categories_nodes": [], "categories_segments": [], "categories_sizes": [], "default_left": [1, 0, 0], "id": 0, "left_children": [1, -1, -1], "right_children": [2, -1, -1],
        "parents": [2147483647, 0, 0], "split_conditions": [0.5, -0.2, 0.3], "split_indices": [0, 0, 0], "split_type": [0, 0, 0], "sum_hessian": [4, 2, 2], "loss_changes": [1, 0, 0],
        "tree_param": {"num_deleted": "0", "num_feature": "2", "num_nodes": "3", "size_leaf_vector": "1"}}]}, "name": "gbtree"},
        "learner_model_param": {"base_score": "5E-1", "num_class": "0", "num_feature": "2", "num_target": "1"}, "objective": {"name": "reg:squarederror"}}, "version": [3, 0, 0]}).encode())
    for kept in sorted((ROOT / "tests/fuzz/seeds").glob("*/*")):
        put(kept.parent.name, kept.name, kept.read_bytes())
    put("spec", "run", (ROOT / "examples/prices/run.toml").read_bytes())
    for i, text in enumerate(("Mean($close,5)/Ref($close,1)-1", "If($close>Mean($close,5),1,0)", "Corr(Log($volume+1),$close,5)", "ta.RSI($close,14)", "EMA($close,0.3)", "Quantile($close,5,0.8)")):
        put("expression", str(i), text.encode())
    for i, text in enumerate(("x>1 and k=='a'\nsum(x),median(n)", "d>='2024-01-05'\nfirst(x),last(k)", "\nstd(x),quantile(x,0.25),distinct(k)")):
        put("aggregate", str(i), text.encode())
    put("space", "choice", b"num_trees=choice(50,100)")
    put("space", "range", b"learning_rate=loguniform(0.01,0.3)")


def fuzz(program, target, seconds, seeds):
    """(target, inputs tried, None or the end of what the fuzzer said)"""
    corpus, crashes = WORK / "corpus" / target, WORK / "crashes" / target
    corpus.mkdir(parents=True, exist_ok=True)
    crashes.mkdir(parents=True, exist_ok=True)
    words = WORK / f"{target}.words"
    words.write_text("".join(f'"{word}"\n' for word in WORDS.get(target, WORDS["csv"] if target.startswith("csv") else [])))
    argv = [program, corpus, *([seeds / target] if (seeds / target).exists() else []), f"-max_total_time={seconds}", "-max_len=16384", "-timeout=10", "-rss_limit_mb=2048",
            "-malloc_limit_mb=512", f"-artifact_prefix={crashes}/", "-print_final_stats=1", *([f"-dict={words}"] if words.stat().st_size else [])]
    done = subprocess.run(argv, cwd=ROOT, env={**os.environ, "HAYATE_FUZZ": target, "ARROW_DEFAULT_MEMORY_POOL": "system"}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    tried = re.search(r"number_of_executed_units:\s*(\d+)", done.stdout)
    return target, int(tried.group(1)) if tried else 0, None if done.returncode == 0 else "\n".join(done.stdout.splitlines()[-60:])


def main():
    parser = argparse.ArgumentParser(prog="./dev soak fuzz")
    parser.add_argument("targets", nargs="*")
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--program", default=WORK / "tests/fuzz/fuzz")
    parser.add_argument("--hayate", default=ROOT / "build/release/hayate")
    args = parser.parse_args()
    known = subprocess.run([args.program], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout.split()
    if unknown := set(args.targets) - set(known):
        sys.exit(f"fuzz: no target {', '.join(sorted(unknown))}; there is: {', '.join(known)}")
    seeds = WORK / "seeds"
    shutil.rmtree(seeds, ignore_errors=True)
    write_seeds(args.hayate, seeds)
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        for target, tried, why in pool.map(lambda t: fuzz(args.program, t, args.seconds, seeds), args.targets or known):
            print(f"{target:<12} {tried:>9} inputs  {'no finding' if why is None else 'FOUND, see ' + str(WORK / 'crashes' / target)}", flush=True)
            if why:
                failed += 1
                print(why)
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
