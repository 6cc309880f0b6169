# What there is, from the tables the program itself works with.
$ hayate sets | grep -c alpha158
1

$ hayate sets alpha158 | grep -o 'KMID2'
KMID2

$ hayate operators Mean | grep -ci window | sed 's/[1-9].*/yes/'
yes

$ hayate sets --json | python3 -c 'import json, sys; print("alpha158" in [s["name"] for s in json.load(sys.stdin)])'
True

$ hayate operators --json | python3 -c 'import json, sys; print({"Mean", "Ref", "Corr", "If"} <= {s["name"] for s in json.load(sys.stdin)})'
True
