# A table through every format comes back as it was; it can be looked at.
$ head -60 examples/prices/IBM.csv >a.csv; for to in parquet arrow feather json jsonl csv.gz csv.zst; do hayate convert a.csv b.$to --quiet && hayate convert b.$to c.csv --quiet && cmp a.csv c.csv; done; ls b.*
b.arrow
b.csv.gz
b.csv.zst
b.feather
b.json
b.jsonl
b.parquet

$ hayate convert a.csv - --columns date,close --format jsonl --quiet | head -2
{"date":"2000-03-01","close":100.25}
{"date":"2000-03-02","close":103.12}

$ hayate convert - - --format csv --quiet <a.csv | cmp - a.csv

$ hayate head b.parquet --rows 2 --quiet
date        open   high    low     close   volume    adj_close
2000-03-01  102    105.5   100.06  100.25  10807800  73.667718762847
2000-03-02  100.5  105.44  99.5    103.12  11192900  75.776709813713

$ printf 'a,b\n1.5,2\n,3.25\n' >gap.csv; hayate convert gap.csv gap.npy --quiet; hayate head gap.npy --quiet
0    1
1.5  2
     3.25

$ hayate schema b.parquet | head -3
column    dtype         missing      bytes
date      date                0 ...
open      float64             0 ...

$ hayate convert a.csv b.xlsx
stderr> error: ...xlsx...
stderr>    at: ...
stderr>   try: ...parquet...
exit 2

$ printf 'a,b\n1,2,3\n4\n' >ragged.csv; hayate convert ragged.csv x.parquet; ls x.parquet 2>/dev/null
stderr> error: ...
stderr>    at: ragged.csv:2...
stderr>   try: ...
exit 2

# Texts of no bytes: all empty, all missing, of no rows.
$ printf '{"k":"","n":1,"m":null}\n{"k":"","n":2,"m":null}\n' >empty.jsonl; hayate convert empty.jsonl empty.parquet --types m=text --quiet; hayate optimize --input empty.parquet --output small.parquet --quiet | cut -c1-25 | sed 's/ *$//'; hayate convert small.parquet - --format jsonl --quiet
column before     after
k      text       categor
n      int64      int8
m      text       categor
total
{"k":"","n":1,"m":null}
{"k":"","n":2,"m":null}

$ hayate aggregate --input empty.parquet --by k --agg 'max(m),sum(n)' --where 'n > 5' --output none.parquet --quiet; hayate schema none.parquet | tail -1
0 rows

# What a file is called here that is called otherwise elsewhere.
$ cp a.csv x.tsv; hayate head x.tsv
stderr> error: unknown file extension '.tsv'
stderr>    at: x.tsv
stderr>   try: call it .csv, whatever its separator; the known ones are ...
exit 2

$ gzip -c a.csv >zipped.csv; hayate head zipped.csv
stderr> error: the file is compressed with gzip
stderr>    at: zipped.csv
stderr>   try: call it .csv.gz, or unpack it
exit 1

$ cp a.csv plain.csv.gz; hayate head plain.csv.gz
stderr> error: the file is not compressed with gzip
stderr>    at: plain.csv.gz
stderr>   try: call it without .gz if it is plain text, or download it again
exit 1
