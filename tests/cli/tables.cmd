# A table through every format comes back as it was; it can be looked at.
$ head -60 examples/prices/IBM.csv >a.csv; for to in parquet arrow feather json jsonl csv.gz csv.zst; do hayate convert a.csv b.$to --quiet && hayate convert b.$to c.csv --quiet && cmp a.csv c.csv; done; ls b.*
b.arrow
b.csv.gz
b.csv.zst
b.feather
b.json
b.jsonl
b.parquet

$ hayate convert a.csv - --columns date,close --format jsonl --quiet >two.jsonl; head -2 two.jsonl
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
$ cp a.csv x.psv; hayate head x.psv
stderr> error: unknown file extension '.psv'
stderr>    at: x.psv
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

# Separated by tabs, whatever else is in the texts; a column alone has no tab at all.
$ printf 'name\tn\n"a\tb"\t1\nc, d\t2\n' >t.tsv; hayate convert t.tsv - --format csv --quiet; hayate convert t.tsv u.tsv --quiet; cat u.tsv
name,n
"a	b",1
"c, d",2
name	n
"a	b"	1
c, d	2

$ printf 'text\na,b\nc,d\n' | hayate convert - - --format tsv --to jsonl --quiet
{"text":"a,b"}
{"text":"c,d"}

$ for to in tsv tsv.gz tsv.zst; do hayate convert a.csv z.$to --quiet && hayate convert z.$to c.csv --quiet && cmp a.csv c.csv; done; head -c 14 z.tsv
date	open	high

# Standard input of one format, output of another; what is compressed is unpacked.
$ gzip -c a.csv | hayate convert - - --format csv --to parquet --quiet >p.parquet; hayate convert p.parquet - --format csv --quiet | cmp - a.csv

$ hayate convert a.csv q.jsonl --quiet; gzip -c q.jsonl | hayate convert - - --format jsonl --to csv --quiet | cmp - a.csv; hayate aggregate --input - --format csv --agg 'count()' --output - --quiet <z.tsv.gz
count()
59

$ hayate convert a.csv z.jsonl --to csv
stderr> error: --to is for standard output and names without a suffix; the name of this file says its format
stderr>    at: --to csv
stderr>   try: leave it out, or write to '-'
exit 2

# Names and values keep to their lines, and lines up by characters.
$ printf '[{"a\\nb":"x\\ty","c":1},{"a\\nb":"日本","c":2}]' >lines.json; hayate head lines.json --quiet; hayate schema lines.json | cut -c1-10
a b  c
x y  1
日本   2
column dty
a b    tex
c      int
2 rows

# No number changes on its way into a file without a word.
$ printf 'id,x\n9007199254740993,1.5\n,2\n' >id.csv; hayate convert id.csv id.h5 --quiet
stderr> error: column 'id' has missing values, so that it is float64 in HDF5, which cannot hold its 9007199254740993
stderr>    at: id.h5
stderr>   try: ...
exit 1

$ printf 'id,x\n9007199254740993,1.5\n1,2\n' >id.csv; hayate convert id.csv id.npy --quiet
stderr> error: column 'id' has 9007199254740993, which float64 in .npy cannot hold
stderr>    at: id.npy
stderr>   try: ...
exit 1
