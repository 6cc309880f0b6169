# A finished run is only said to be finished; what was reused is listed; the cache can be looked at and emptied.
$ cp -r examples/prices p; printf '[universe]\ninput = "p/IBM.csv"\n[features]\nexpressions = ["a = $close/Ref($close,5)"]\n[split]\ntrain_days = 2000\ntest_days = 600\n[model]\nparams = { num_trees = 3 }\n' >job.toml; hayate run job.toml --run-dir r --cache c --quiet | tail -1
report: r/report.html

$ hayate resume r
this run is finished: 1 symbols in ...

$ hayate explain r
train    IBM          run     no stored result for these bars, expressions, params and program

$ hayate run job.toml --run-dir again --cache c --quiet >/dev/null; hayate explain again
train    IBM          reused  bars, expressions, params and program are those of a stored result

$ cmp r/model.hyt again/model.hyt && cmp r/predictions.parquet again/predictions.parquet && cmp r/metrics.json again/metrics.json

# Beside the result of the task: where later bars find its models, what it was made of, and what the steps cost.
$ hayate cache stats --cache c | head -2
folder   c
entries  4

$ hayate cache clear --cache c | sed -n 2p
entries  0

$ hayate resume nowhere
stderr> error: this folder holds no run
stderr>    at: nowhere/manifest
stderr>   try: give the folder that hayate run printed
exit 1
