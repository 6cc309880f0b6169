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
stderr> ...
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

# The same in a run: one ranking for the universe, old rows fading.
$ printf '[universe]\ninput = "examples/prices/*.csv"\n[features]\nexpressions = ["a = $close/Ref($close,5)", "b = Std($close,20)/$close"]\n[split]\ntrain_days = 500\ntest_days = 250\n[model]\nlearner = "boosting"\nproblem = "ranking"\nscope = "pooled"\nhalf_life = 250\nparams = { num_trees = 20 }\n' >job.toml; hayate run job.toml --run-dir one --workers 1 --quiet >/dev/null; hayate run job.toml --run-dir two --workers 2 --cache off --quiet >/dev/null; cmp one/model.hyt two/model.hyt; cmp one/predictions.parquet two/predictions.parquet

$ sed 's/pooled/symbol/' job.toml >wrong.toml; hayate run wrong.toml --run-dir three --quiet
stderr> error: a ranking needs the symbols of a date together
stderr>    at: [model] problem
stderr>   try: scope = "pooled"
exit 2

# Which features may meet on the way to a leaf.
$ hayate train --input t.parquet --label y --learner boosting --params 'num_trees=5,interactions=a|b' --model i.hyt --quiet

$ hayate train --input t.parquet --label y --learner boosting --params 'interactions=a|bb' --model n.hyt --quiet
stderr> error: unknown feature 'bb'
stderr>    at: interactions
stderr>   try: did you mean 'b'?
exit 2

# Help names what each learner solves and every parameter it takes.
$ hayate train --help | grep -e '^--params of'
--params of --learner forest: ... (regression, classification)
--params of --learner boosting: ... (regression, classification, ranking)
--params of --learner linear: ... (regression)
--params of --learner logistic: ... (classification)

$ hayate train --help | grep learning_rate
  learning_rate=0.1 ...
