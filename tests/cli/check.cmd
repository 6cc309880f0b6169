# What is wrong with bars, before anything is computed: the same that a run would say.
$ hayate check data examples/prices --adjust adj_close --quiet
warning AAPL row 149 2000-09-29: jump: ...
4 symbols, ... bars: 4 can be used, 1 warnings

$ mkdir p; head -900 examples/prices/IBM.csv >p/IBM.csv; head -900 examples/prices/AAPL.csv | sed '5s/,[0-9]*,/,-1,/' | awk -F, -v OFS=, 'NR==5{$4=-1}1' >p/AAPL.csv; hayate check data p --quiet >said.txt; grep failed said.txt
failed  AAPL row 4 2000-03-06: price_not_positive: ...

$ hayate check data p >/dev/null
exit 3

# A spec that sees nothing of the future passes.
$ hayate check leakage examples/prices/run.toml
look_ahead     passed    158 expressions
future_cut     passed    ...
moved_start    passed    158 of 158 features...
label_equal    passed    ...
future_column  passed    ...
scaler_rows    passed    ...
fold_overlap   passed    55 folds, purged by 2 dates, label 2 rows
158 features of 4 symbols, ... bars: no leak found

# One that does is named, with its date.
$ sed 's#set = "alpha158"#expressions = ["ok = CSRank($close)", "leak = Delta($close,-3)"]#' examples/prices/run.toml >leak.toml; hayate check leakage leak.toml >said.txt
exit 1

$ grep ^look_ahead: said.txt
look_ahead: leak ...: leak = Delta($close,-3) reads 3 rows ahead: on ...

$ hayate check leakage examples/prices
stderr> error: 'examples/prices' is no spec of a run
stderr>    at: hayate check leakage
stderr>   try: give one SPEC.toml
exit 2

$ hayate check leakge leak.toml
stderr> error: ...leakge...
stderr>    at: ...
stderr>   try: ...leakage...
exit 2
