# Smaller types, named with what they cost; every value comes back.
$ python3 -c "print('id,x,kind\n' + '\n'.join(f'{i},{i / 2},{\"ab\"[i % 2] * 5}' for i in range(300)))" >a.csv
$ hayate optimize --input a.csv --output b.parquet --plot b.svg --quiet
column before     after           bytes      bytes
id     int64      int16          2.4 KB      600 B  from 0 to 299
x      float64    float32        2.4 KB     1.2 KB  every value comes back from float32
kind   text       category       3.9 KB      334 B  2 different texts in 300 rows, int8 codes
total                            8.7 KB     2.1 KB  75.5 % less, 300 rows

$ hayate convert b.parquet c.csv --quiet; cmp a.csv c.csv; head -c 4 b.svg
<svg

$ printf 'x\n0.1\n0.2\n' >d.csv; hayate optimize --input d.csv --output none --mode compact --quiet
column before     after           bytes      bytes
x      float64    float32          16 B        8 B  LOSSY: rounded to float32
total                              16 B        8 B  50.0 % less, 2 rows
lossy: x

$ hayate optimize --input d.csv --output none --mode smal
stderr> error: unknown mode 'smal'
stderr> ...
exit 2

$ hayate optimize --input a.csv --output b.parquet --plot b.png
stderr> error: plots are written as SVG
stderr>    at: --plot b.png
stderr>   try: give it a name that ends in .svg
exit 2
