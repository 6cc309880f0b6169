# Groups of a table: sorted by key, named by the call; conditions before and after.
$ printf 'city,x,n\nRome,1.5,1\nParis,2.5,2\nRome,,3\nOslo,4,4\nParis,8,5\n' >a.csv
$ hayate aggregate --input a.csv --by city --agg 'count(), mean(x),max(n)' --output - --format csv --quiet
city,count(),mean(x),max(n)
Oslo,1,4.0,4
Paris,2,5.25,5
Rome,2,1.5,3

$ hayate aggregate --input a.csv --by city --agg 'sum(n)' --where "x is not null and city != 'Oslo'" --having 'count() > 1' --output - --format csv --quiet
city,sum(n)
Paris,7

$ hayate aggregate --input - --format csv --agg 'count(),median(x)' --output - --quiet <a.csv
count(),median(x)
5,3.25

# A wrong name costs nothing: it is found before values are read, and nothing is written.
$ hayate aggregate --input a.csv --by city --agg 'mean(xx)' --output never.csv; ls never.csv 2>/dev/null
stderr> error: unknown column 'xx'
stderr>    at: --agg mean(xx)
stderr>   try: did you mean 'x'?
exit 2

$ hayate aggregate --input a.csv --by city --agg 'count()' --where 'n > 1 an x < 2' --output never.csv
stderr> error: more text behind the condition
stderr>    at: --where: n > 1 an x < 2
stderr>                       ^
stderr>   try: join conditions with and, or
exit 2

$ hayate aggregate --input a.csv --by city --agg 'avg(x)' --output never.csv
stderr> error: unknown aggregate 'avg'
stderr>    at: --agg avg(x)
stderr>   try: ...
exit 2

# The same bytes for any workers, chunks and memory.
$ hayate convert 'examples/prices/*.csv' all.parquet --quiet; for how in '--workers 1' '--workers 3 --chunk-rows 100' '--memory-limit 100MB --chunk-rows 7'; do hayate aggregate --input all.parquet --by date --agg 'count(),mean(close),std(volume),median(open),first(high),distinct(low)' --output none --quiet $how; done | uniq -c | wc -l
1

# 0 and -0 are one key, as they are equal in a condition.
$ printf 'k,v\n0.0,1\n-0.0,2\n1.5,4\n' >zero.csv; hayate aggregate --input zero.csv --by k --agg 'count(),sum(v)' --output - --format csv --quiet
k,count(),sum(v)
0.0,2,3
1.5,1,4

# What is called otherwise elsewhere.
$ hayate aggregate --input a.csv --by city --agg 'nunique(x)' --output none
stderr> error: unknown aggregate 'nunique'
stderr>    at: --agg nunique(x)
stderr>   try: it is called distinct here
exit 2

$ hayate aggregate --input a.csv --by city --agg 'count(*)' --output none
stderr> error: '*' is no column
stderr>    at: --agg count(*)
stderr>   try: count() counts rows
exit 2

$ hayate aggregate --input a.csv --agg 'count()' --where 'city = Rome' --output none
stderr> error: unknown column 'Rome'
stderr>    at: --where: city = Rome
stderr>                        ^
stderr>   try: a text goes in single quotes: 'Rome'
exit 2

# A quote in the name of a column is written twice.
$ printf '"5"" pipe",b\n1,2\n3,4\n' >pipe.csv; hayate aggregate --input pipe.csv --agg 'sum("5"" pipe")' --where '"5"" pipe" > 1' --output - --format csv --quiet
"sum(""5"""" pipe"")"
3
