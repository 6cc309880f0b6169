# What a run would take, without it; what it took, for a monitor; which input changed.
$ cp -r examples/prices p; printf '[universe]\ninput = "p/*.csv"\n[features]\nexpressions = ["a = $close/Ref($close,5)"]\n[split]\ntrain_days = 1500\ntest_days = 600\n[model]\nparams = { num_trees = 3 }\n' >job.toml; hayate run job.toml --dry-run --cache c --workers 1 --quiet
step                        items    seconds     memory
read, check                     4       ...
train                           4       ...
evaluate                    14841       ...
write                       14841       ...
4 symbols, 14841 bars on 1 worker: about ...
a guess: no earlier run of this learner has taught what tasks cost here

$ test ! -e runs

$ hayate run job.toml --run-dir r --cache c --metrics-file r.prom --quiet >/dev/null; hayate run job.toml --dry-run --cache c --quiet | grep -E "reused|learnt"
train                4 (4 reused)       0.00 ...
learnt from 4 tasks of earlier runs

$ hayate run job.toml --dry-run --json --cache c --quiet | python3 -c 'import json, sys; plan = json.load(sys.stdin); print(plan["symbols"], [s["name"] for s in plan["steps"]], all(s["bytes"] > 0 for s in plan["steps"]))'
4 ['read, check', 'train', 'evaluate', 'write'] True

$ grep -E "^hayate_(run_symbols|run_failed|cache_requests|pool_workers)" r.prom | sed 's/"io"} .*/"io"} N/; s/"cpu"} .*/"cpu"} N/'
hayate_run_symbols 4
hayate_run_failed_symbols 0
hayate_cache_requests_total{result="hit"} 0
hayate_cache_requests_total{result="miss"} 4
hayate_pool_workers{pool="cpu"} N
hayate_pool_workers{pool="io"} N

$ grep -c AAPL r.prom
exit 1
0

$ sed 's/num_trees = 3/num_trees = 4/' job.toml >other.toml; sed -i '$ d' p/IBM.csv; hayate run other.toml --run-dir s --cache c --quiet >/dev/null; hayate explain s | sort
train    AAPL         run     changed since the last run: model
train    IBM          run     changed since the last run: model, bars
train    MSFT         run     changed since the last run: model
train    sp500        run     changed since the last run: model

$ hayate stats s | grep -E "^(cpu pool|io pool|queue|cache hits)"
cpu pool     ... busy, ... idle
io pool      2 workers, ... busy, ... idle
queue wait   ... on average, ... at most
cache hits   0 of 4
