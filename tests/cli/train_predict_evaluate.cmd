# The same three steps by hand: features and a label, a forest, predictions, metrics.
$ hayate features --input examples/prices/IBM.csv --expr 'a=$close/Ref($close,5)' --expr 'b=Std($close,20)/$close' --label 'y=Ref($close,-1)/$close-1' --output t.parquet --quiet

$ hayate train --input t.parquet --label y --learner forest --params num_trees=10,max_depth=4 --seed 1 --model m.hyt --quiet

$ hayate predict --model m.hyt --input t.parquet --output p.csv --quiet; wc -l <p.csv
3271

$ hayate predict --model m.hyt --input t.parquet --output p.parquet --quiet; hayate evaluate --input p.parquet --label y --json --quiet | python3 -c 'import json, sys; d = json.load(sys.stdin); print(d["problem"], d["metrics"]["rmse"] > 0, set(d["metrics"]) <= set(d["conventions"]))'
regression True True

$ hayate train --input t.parquet --label y --learner forest --params num_treees=10 --model n.hyt
stderr> error: ...num_treees...
stderr>    at: ...
stderr>   try: ...num_trees...
exit 2


# The page of an evaluation stands beside what is printed, which stays as it is.
$ hayate evaluate --input p.parquet --label y --by-date date --html page.html >with.txt; hayate evaluate --input p.parquet --label y --by-date date --quiet | diff - with.txt; grep -c '<!doctype html>' page.html
1
stderr> problem: regression (...)
stderr> page: page.html

# Intervals of the metrics, over resampled rows or whole dates.
$ hayate evaluate --input p.parquet --label y --by-date date --bootstrap 50 --json --quiet | python3 -c 'import json, sys; d = json.load(sys.stdin); low, high = d["intervals"]["mae"]; print(d["resamples"], low < d["metrics"]["mae"] < high)'
50 True

$ hayate evaluate --input p.parquet --label y --html nowhere/page.html --quiet
stderr> error: ...
stderr> ...
exit 1

# Out-of-bag predictions come with the training, and a bigger forest can go on from a smaller one.
$ hayate train --input t.parquet --label y --learner forest --params num_trees=20,max_depth=4,oob_score=true --seed 1 --model oob.hyt --oob oob.csv --json --quiet | python3 -c 'import json, sys; d = json.load(sys.stdin); print(sorted(k for k in d if k.startswith("oob")))'
['oob_rows', 'oob_score']

$ hayate train --input t.parquet --label y --learner forest --params num_trees=12,max_depth=4 --seed 1 --warm-start m.hyt --model w.hyt --quiet; hayate train --input t.parquet --label y --learner forest --params num_trees=12,max_depth=4 --seed 1 --model c.hyt --quiet; cmp w.hyt c.hyt

$ hayate train --input t.parquet --label y --learner forest --params num_trees=12,max_depth=5 --seed 1 --warm-start m.hyt --model w.hyt
stderr> error: the model to start from has other params beside num_trees
stderr>    at: --warm-start m.hyt
stderr>   try: ...
exit 2
