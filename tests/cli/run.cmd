# The main job on a part of the bundled prices: what it writes, and that a folder belongs to one spec.
$ mkdir p; for s in AAPL IBM; do head -900 examples/prices/$s.csv >p/$s.csv; done; sed 's#examples/prices/\*#p/*#; s/num_trees = 100/num_trees = 5/' examples/prices/run.toml >job.toml

$ hayate run job.toml --run-dir r --quiet >summary.txt; ls r
events.jsonl
failures.json
manifest
metrics.json
model.hyt
predictions.parquet
report.html

$ grep -c -E '^ *(AAPL|IBM) ' summary.txt
2

$ grep -o 'r/report.html' summary.txt | head -1
r/report.html

$ hayate stats r | tail -1
...symbols...symbols per second...

$ sed 's/seed = 42/seed = 43/' job.toml >other.toml; hayate run other.toml --run-dir r --quiet
stderr> error: ...
stderr>    at: ...
stderr>   try: ...
exit 2

# Neither the number of workers nor the size of a batch changes a byte.
$ hayate run job.toml --run-dir one --workers 1 --batch-symbols 1 --cache off --quiet >/dev/null; for f in metrics.json model.hyt predictions.parquet; do cmp r/$f one/$f; done
