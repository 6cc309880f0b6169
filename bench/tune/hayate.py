"""The search with hayate: this only becomes the command and reads what it found."""
import json
import pathlib
import re
import subprocess
import sys

data, answer, threads, _ = sys.argv[1:5]
subprocess.run(["build/release/hayate", "tune", "--input", f"{data}/train.parquet", "--label", "y", "--learner", "forest", "--space", "num_trees=choice(50,100,200)",
                "--space", "max_depth=choice(5,10,15)", "--trials", "20", "--scheduler", "asha", "--grace-period", "10", "--reduction-factor", "2", "--max-t", "100",
                "--metric", "accuracy", "--seed", "1", "--workers", threads, "--output", f"{answer}/search", "--quiet"], check=True, stdout=subprocess.DEVNULL)
best = json.loads(pathlib.Path(answer, "search/best.json").read_text())["config"]
pathlib.Path(answer, "best.json").write_text(json.dumps(best))
version = re.search(r"project\(hayate VERSION ([0-9.]+)", pathlib.Path("CMakeLists.txt").read_text())[1]   # a second process would be timed too
print(json.dumps({"version": version}))
