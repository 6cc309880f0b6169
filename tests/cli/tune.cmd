# A search over the parameters of a learner; the same command goes on from its journal.
$ hayate features --input examples/prices/IBM.csv --expr 'a=$close/Ref($close,5)' --expr 'b=Std($close,20)/$close' --label 'y=Ref($close,-1)/$close-1' --output t.parquet --quiet

$ hayate tune --input t.parquet --label y --learner forest --space 'num_trees=choice(10,20)' --space 'max_depth=int(2,8)' --trials 6 --scheduler asha --output out --seed 1
best: trial ..., rmse 0.0... (out-of-bag rows): num_trees=...,max_depth=...
stderr> ...
stderr> 6 trials: ... complete, ... stopped early, 0 failed; 1 models trained

$ hayate tune --input t.parquet --label y --learner forest --space 'num_trees=choice(10,20)' --space 'max_depth=int(2,8)' --trials 6 --scheduler asha --output out --seed 1 2>&1 >/dev/null | tail -2
went on from ... events of out/journal.log
6 trials: ... complete, ... stopped early, 0 failed; 0 models trained

$ ls out
best.json
history.svg
importance.svg
journal.log
parallel.svg
param_max_depth.svg
param_num_trees.svg
trials.csv

$ head -1 out/trials.csv
trial_id,config/num_trees,config/max_depth,rmse,training_iteration,rung,seed,time_total_s,status,stop_reason

# Over dates: blocks of the last ones, each predicted from all before it, less the dates that the label looks ahead.
$ hayate tune --input t.parquet --label y --learner linear --space 'l2=loguniform(0.01,100)' --trials 3 --by-date date --purge-days 1 --sampler sobol --output dates --quiet
best: trial ..., rmse 0.0... (walk-forward blocks of dates): l2=...

$ hayate tune --input t.parquet --label y --learner forest --space 'num_tree=choice(10,20)' --output other
stderr> error: unknown forest parameter 'num_tree'
stderr>    at: --space
stderr>   try: did you mean 'num_trees'?
exit 2

# The best model inside a budget.
$ hayate automl --input t.parquet --label y --objective minimize-mae --budget 2s --by-date date --purge-days 1 --model best.hyt --json --quiet | python3 -c 'import json, sys; d = json.load(sys.stdin); print(d["objective"], d["seconds"] < 2.5, len(d["leaderboard"]) > 0, d["test"]["mae"]["low"] < d["test"]["mae"]["high"])'
minimize-mae True True True

$ hayate predict --model best.hyt --input t.parquet --output p.csv --quiet; wc -l <p.csv
3271
