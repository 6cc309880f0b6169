# What is said of a table that is read: types, marks, missing words, encodings, folders called key=value.
$ printf 'id,price,n,day\n007,"1,5",1,20240105\n8,-,2,2024/01/06\n' >a.csv; hayate convert a.csv - --format jsonl --types 'id=text,n=int8,day=date' --decimal , --na '-' --quiet
{"id":"007","price":1.5,"n":1,"day":"2024-01-05"}
{"id":"8","price":null,"n":2,"day":"2024-01-06"}

$ hayate schema - --format csv --types n=uint8 --columns n,id <a.csv | cut -c1-13 | sed 's/ *$//'
column dtype
n      uint8
id     text
2 rows

$ printf 'a;b\n1.234.567,25;x\n12;y\n' | hayate head - --format csv --decimal , --thousands . --columns a
a
1234567.25
12

$ hayate aggregate --input a.csv --agg 'sum(n)' --types n=float32 --output - --format csv --quiet
sum(n)
3.0

$ hayate optimize --input a.csv --output none --columns n --types n=int64 --json | grep -c '"name"'
1

$ hayate describe a.csv --types n=float64 --columns n | sed -n 2p | cut -c1-12
n       floa

$ printf 'a,b\n1,2\n3,300\n' >b.csv; hayate convert b.csv none --types b=int8
stderr> error: '300' in column 'b' is no int8
stderr>    at: b.csv:3: 300
stderr>   try: ...
exit 1

$ hayate convert b.csv none --types b=int9
stderr> error: unknown type 'int9'
stderr>    at: --types b=int9
stderr>   try: ...int...
exit 2

$ hayate head b.csv --types price=int8
stderr> error: unknown column 'price'
stderr>    at: --types
stderr>   try: ...
exit 2

$ hayate head b.csv --decimal , --thousands ,
stderr> error: ...
stderr>    at: --thousands
stderr>   try: ...
exit 2

$ hayate convert b.csv b.parquet --quiet; hayate head b.parquet --na x
stderr> error: ...
stderr>    at: b.parquet
stderr>   try: ...
exit 2

$ hayate convert b.parquet - --format csv --types a=text,b=int8 --quiet
stderr> error: '300' in column 'b' is no int8
stderr>    at: b.parquet: row 2
stderr>   try: ...
exit 1

$ printf '\223\372,n\n\226\173,1\n' >sjis.csv; hayate convert sjis.csv - --format csv --encoding cp932 --quiet
日,n
本,1

$ printf '\377\376a\0,\0b\0\n\0001\0,\0002\0\n\0' >wide.csv; hayate convert wide.csv - --format csv --encoding utf-16 --quiet; hayate aggregate --input wide.csv --agg 'sum(b)' --encoding utf-16 --output - --format csv --quiet
a,b
1,2
sum(b)
2

$ printf '\377\376a\0\n\0001' >odd.csv; hayate head odd.csv --encoding utf-16
stderr> error: an odd number of bytes is no UTF-16
stderr>    at: odd.csv:2: 31 at byte 6
stderr>   try: ...
exit 1

$ mkdir -p sales/year=2023/region=eu sales/year=2024/region=us; printf 'x\n1\n2\n' >sales/year=2023/region=eu/a.csv; printf 'x\n3\n' >sales/year=2024/region=us/a.csv; hayate convert sales - --format csv --quiet
x,year,region
1,2023,eu
2,2023,eu
3,2024,us

$ hayate aggregate --input sales --by year --agg 'sum(x)' --output - --format csv --quiet
year,sum(x)
2023,3
2024,3

$ hayate head sales --columns region,x --types x=float64 --rows 1 --quiet
region  x
eu      1

# Files of a folder are one table by the names of their columns; what some lack is missing there, and that is said.
$ mkdir -p by/year=2023 by/year=2024; printf 'a,b\n1,x\n2,y\n' >by/year=2023/t.csv; printf 'b,c,a\nz,0.5,2.5\n' >by/year=2024/t.csv; hayate convert by - --format csv --quiet
a,b,c,year
1.0,x,,2023
2.0,y,,2023
2.5,z,0.5,2024

$ hayate aggregate --input by --by year --agg 'sum(a),mean(c),count(c)' --output - --format csv
year,sum(a),mean(c),count(c)
2023,3.0,,0
2024,2.5,0.5,1
stderr> ...
stderr> column 'c' is missing in the rows of 1 of 2 files, which do not have it, such as by/./year=2023/t.csv

$ for y in 2023 2024; do mkdir -p pq/year=$y; hayate convert by/year=$y/t.csv pq/year=$y/t.parquet --quiet; done; hayate aggregate --input pq --by year --agg 'mean(c),sum(a)' --output - --format csv --quiet; hayate convert pq - --format csv --columns c,year --quiet
year,mean(c),sum(a)
2023,,3.0
2024,0.5,2.5
c,year
,2023
,2023
0.5,2024

$ hayate aggregate --input by --by year --agg 'sum(d)' --output -
stderr> error: unknown column 'd'
stderr>    at: ...
stderr>   try: one of: a, b, c, year
exit 2

# Integers beyond 2^53 beside decimals are float64, and that is said.
$ printf 'id,x\n9007199254740993,1\n1.5,9007199254740993\n' >wide.csv; printf '{"id":9007199254740993}\n{"id":1.5}\n' >wide.jsonl; for f in wide.csv wide.jsonl; do hayate schema $f; done
column dtype         missing      bytes
id     float64             0       16 B
x      int64               0       16 B
2 rows
column dtype         missing      bytes
id     float64             0       16 B
2 rows
stderr> warning: column 'id' holds integers beside decimals and is read as float64, which rounds large ones, such as 9007199254740993 in wide.csv; --types 'id=text' keeps every digit
stderr> warning: column 'id' holds integers beside decimals and is read as float64, which rounds large ones, such as 9007199254740993 in wide.jsonl

# Excel's first line names the separator.
$ printf 'sep=;\r\nid;amount\r\n1;2,75\r\n' >excel.csv; hayate head excel.csv
id  amount
1   2.75

# --to says the format where the name of the output does not.
$ hayate aggregate --input wide.csv --by x --agg 'count()' --output made --to jsonl --quiet; cat made; hayate optimize --input wide.csv --output - --to tsv --quiet 2>/dev/null | head -1; hayate convert wide.csv made.csv --to jsonl
{"x":1,"count()":1}
{"x":9007199254740993,"count()":1}
id	x
stderr> error: --to is for standard output and names without a suffix; the name of this file says its format
stderr>    at: --to jsonl
stderr>   try: leave it out, or write to '-'
exit 2
