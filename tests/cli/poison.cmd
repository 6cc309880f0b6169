# One bad file never stops a run: exit 3, and it is listed with its reason.
$ mkdir p; head -900 examples/prices/IBM.csv >p/IBM.csv; (head -900 examples/prices/AAPL.csv; sed -n 900p examples/prices/AAPL.csv) >p/TWICE.csv; sed 's#examples/prices/\*#p/*#; s/num_trees = 100/num_trees = 5/' examples/prices/run.toml >job.toml

$ hayate run job.toml --run-dir r --quiet >/dev/null
exit 3

$ python3 -c 'import json; print(str(json.load(open("r/failures.json"))).count("TWICE") > 0)'
True
