# Formats: what came back is held against what was saved. A Python that is not there is said to be missing, and is no error.
$ hayate bench io --rows 2000 --python no_such_python --plot io.svg --html io.html --quiet
2000 rows x 5 columns, ... in memory, ... workers
format ... program ... save ... load ... size ... loaded again
csv ... hayate ... equal
csv.zst ... hayate ... equal
parquet ... hayate ... equal
parquet zstd ... hayate ... equal
feather ... hayate ... equal
...
json ... hayate ... equal
best here: ... for speed (save and load), ... for size, ... for both
seconds: ...
not measured: ...no_such_python: no such Python...

$ head -c 4 io.svg; echo; grep -q "Seconds to save" io.html && echo drawn
<svg
drawn

# A table of one's own; one JSON document.
$ hayate bench io --input examples/prices/IBM.csv --python no_such_python --json --quiet | python3 -c "import json, sys; d = json.load(sys.stdin); print(all(f['equal'] for f in d['formats']), sorted(d['best']))"
True ['both', 'size', 'speed']

# Four ways of a row norm.
$ hayate bench compute --python no_such_python --quiet --plot compute.svg --html compute.html
norms of 10000 rows of 100 float64, ... workers, warm
way ... best ... median ... answer
naive loop ... equal
vectorised ... equal
parallel ... equal
parallel + vectorised ... equal
best here: ...
not measured: ...

# Each bar says its own time, and the page speaks of no one's future.
$ grep -c ' 0 ms' compute.svg; grep -c 'Past results' compute.html; grep -o '<title>[a-z +]*' compute.svg | head -4
0
0
...

$ hayate bench compute --input x.csv
stderr> error: bench compute reads no table
stderr> ...
exit 2

# Memory: the same answers from the whole table, the optimised one and chunks.
$ hayate bench memory --rows 2000 --quiet
2000 rows; means by category in 4 groups
stage ... seconds ... before ... peak ... after ... added at most
read the whole table ...
group means of it ...
optimise its dtypes ...
group means of the optimised table ...
group means of the file in chunks ...
columns: ... before, ... optimised without loss (...); chunks of 20 rows
answers: equal
...

$ hayate bench speed
stderr> error: unknown argument 'speed'
stderr> ...
exit 2
