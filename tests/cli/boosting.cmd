# Boosting by hand: a label in date order, rows held out by date, a ranking of the symbols of a date.
$ hayate features --input 'examples/prices/*.csv' --expr 'a=$close/Ref($close,5)' --expr 'b=Std($close,20)/$close' --label 'y=Ref($close,-1)/$close-1' --output t.parquet --quiet

$ hayate train --input t.parquet --label y --learner boosting --params num_trees=10,num_leaves=8 --model m.hyt --quiet; hayate predict --model m.hyt --input t.parquet --output p.parquet --quiet; hayate evaluate --input p.parquet --label y --by-date date --json --quiet | python3 -c 'import json, sys; d = json.load(sys.stdin); print(d["metrics"]["pearson"] > 0)'
True

$ hayate train --input t.parquet --label y --learner boosting --problem ranking --by-date date --params num_trees=200,early_stopping_rounds=5,metric=rank_ic --half-life 250 --model r.hyt --quiet; hayate predict --model r.hyt --input t.parquet --output none --json --quiet | python3 -c 'import json, sys; print(json.load(sys.stdin)["rows_without_model"])'
0

$ hayate train --input t.parquet --label y --learner boosting --problem ranking --model n.hyt --quiet
stderr> error: ranking needs a group for every row
stderr>    at: labels
stderr>   try: name the column of dates: --by-date COL
exit 1

$ hayate train --input t.parquet --label y --learner forest --problem ranking --by-date date --model n.hyt --quiet
stderr> error: learner 'forest' does not solve ranking problems
stderr>    at: --learner
stderr>   try: hayate train --help lists what each learner solves
...
exit 2

$ hayate train --input t.parquet --label y --learner boosting --half-life 250 --model n.hyt --quiet
stderr> error: a half-life needs to know how old rows are
stderr>    at: --half-life
stderr>   try: name the column of dates: --by-date COL
exit 2

$ hayate train --input t.parquet --label y --learner boosting --params metric=rmsee --model n.hyt --quiet
stderr> error: unknown metric 'rmsee'
stderr>    at: --params
stderr>   try: did you mean 'rmse'?
exit 2
