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

$ hayate evaluate --input p.parquet --label y --html nowhere/page.html --quiet
stderr> error: ...
stderr> ...
exit 1
