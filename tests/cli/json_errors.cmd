# With --json an error is a document too, and the three lines stay on stderr.
$ hayate features --input nowhere.csv --set alpha158 --output x.parquet --json 2>err.txt | python3 -c 'import json, sys; print(*sorted(json.load(sys.stdin)["error"]))'
hint kind what where
exit 1

$ head -1 err.txt | cut -c1-6
error:
