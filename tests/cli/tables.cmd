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
