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
