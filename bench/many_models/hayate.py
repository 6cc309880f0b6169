"""Two commands: train a model per symbol, predict."""
import json
import subprocess
import sys

data, answer, threads, _ = sys.argv[1:5]
hayate = "build/release/hayate"
version = subprocess.run([hayate, "--version"], capture_output=True, text=True, check=True).stdout.split(maxsplit=1)[1].strip()
subprocess.run([hayate, "train", "--input", f"{data}/train.arrow", "--label", "y", "--key", "symbol", "--learner", "forest", "--params",
                "num_trees=100,max_depth=10", "--seed", "1", "--model", f"{answer}/models.hyt", "--workers", threads, "--timings", f"{answer}/train.json",
                "--quiet"], check=True)
subprocess.run([hayate, "predict", "--model", f"{answer}/models.hyt", "--input", f"{data}/test.arrow", "--output", f"{answer}/predictions.parquet", "--workers",
                threads, "--quiet"], check=True)
print(json.dumps({"version": version}))
