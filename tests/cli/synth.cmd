# A made-up universe, the same for the same seed.
$ for seed in 1 1 2; do hayate synth --like 'examples/prices/*.csv' --symbols 3 --days 300 --seed $seed --output $((++i)).csv --quiet; done; cmp 1.csv 2.csv; cmp -s 1.csv 3.csv
exit 1

$ head -1 1.csv
symbol,date,open,high,low,close,volume...

$ cut -d, -f1 1.csv | sort -u | wc -l
4
