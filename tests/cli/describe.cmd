# What stands in a table.
$ printf 'city,x\nRome,1\nParis,2\nRome,\nOslo,4\n' >a.csv; hayate describe a.csv --quiet
column  dtype  missing  distinct  min   5 %  25 %  50 %  75 %  95 %  max   mean     std      histogram         most frequent
city    text   0        3         Oslo                               Rome                                      Rome (2)
x       int64  1        3         1     1.1  1.5   2     3     3.8   4     2.33333  1.52753  █    █         █  1 (1)
4 rows

$ hayate describe a.csv --columns x --json --quiet | python3 -c "import json,sys; d=json.load(sys.stdin); print(d['rows'], d['columns'][0]['min'], d['columns'][0]['quantiles']['0.5'])"
4 1 2
