# What a CSV file is written like can be said at every command that learns from a table.
$ python3 -c 'print("id;x;z;y"); [print(f"{i:03};{i % 17 + 1}.{i * 7 % 1000:03},5;-;{i % 17},25") for i in range(400)]' > de.csv

$ hayate train --input de.csv --label y --learner linear --decimal , --thousands . --na - --types id=text,z=float64 --columns id,x,y --features x --model m.hyt --quiet

$ hayate predict --model m.hyt --input de.csv --decimal , --thousands . --na - --types id=text --output p.csv --quiet; head -1 p.csv
...prediction...

$ hayate evaluate --input de.csv --label y --prediction x --decimal , --thousands . --problem regression --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["rows"])'
400

$ hayate tune --input de.csv --label y --learner forest --decimal , --thousands . --na - --columns x,y --space 'num_trees=choice(5,10)' --trials 2 --sampler grid --output t --quiet >out; wc -l < t/trials.csv
3

$ hayate train --input de.csv --label y --learner linear --types q=text --model n.hyt --quiet
stderr> ...
exit 2

$ hayate predict --run some_run --input de.csv --thousands . --decimal , --output p.csv
stderr> error: --columns, --types, --decimal, --thousands, --na and --encoding are for tables, and --run reads bars
stderr> ...
exit 2
