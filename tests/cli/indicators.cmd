# The catalog, and its calls as features: rsi(period=14) is an expression by another name.
$ hayate indicators rsi
rsi(period=14)
  title     Relative strength index
  ...
  param     period = 14: whole, from 2 to 100000
  lookback  period: 14 rows without a value before every output has one
  ...
  column    rsi_14 = ta.RSI($close, timeperiod=14)
  example   --indicator 'rsi(period=14)'

$ hayate indicators --json | python3 -c 'import json, sys; d = json.load(sys.stdin); print(len(d) > 90, {"rsi", "macd", "bbands", "supertrend", "vwap"} <= {i["name"] for i in d})'
True True

$ hayate features --input examples/prices/IBM.csv --indicator 'rsi(period=14)' --indicator 'macd(fast=5,slow=10,signal=3)' --indicator obv --indicator bbands.lower --output x.csv --quiet; head -1 x.csv
symbol,date,rsi_14,macd_5_10_3,macd_5_10_3_signal,macd_5_10_3_hist,obv,bbands_20_2_lower

$ hayate features --input examples/prices --indicator 'macd(5, 10, 3).hist' --output none --quiet >a; hayate features --input examples/prices --expr 'macd_5_10_3_hist=ta.MACD($close, 5, 10, 3).macdhist' --output none --quiet >b; cmp a b

# Sets made of indicators.
$ hayate sets essential16 | sed -n '3p;8p'
sma_20 = ta.SMA($close, timeperiod=20)
bbands_20_2_upper = ta.BBANDS($close, timeperiod=20, nbdevup=2, nbdevdn=2, matype=0).upperband

$ hayate features --input examples/prices --set daytrade21 --output none --quiet
checksum ...

# Wrong names and values: before any file is looked at, with the nearest name and the place.
$ hayate indicators macdd
stderr> error: unknown indicator 'macdd'
stderr>    at: hayate indicators macdd
stderr>   try: did you mean 'macd'?
exit 2

$ hayate features --input nowhere.csv --indicator 'rsj(14)' --output y.csv
stderr> error: unknown indicator 'rsj'
stderr>    at: --indicator: rsj(14)
stderr>                     ^^^
stderr>   try: did you mean 'rsi'?
exit 2

$ hayate features --input nowhere.csv --indicator 'macd(fast=1)' --output x.csv
stderr> error: 'fast' of macd must be between 2 and 100000
stderr>    at: --indicator: macd(fast=1)
stderr>                               ^
stderr>   try: such as fast=12
exit 2

$ hayate features --input nowhere.csv --indicator 'macd.signl' --output x.csv
stderr> error: unknown output of macd 'signl'
stderr> ...
stderr>   try: did you mean 'signal'?
exit 2

$ hayate features --input nowhere.csv --indicator rsi --indicator 'rsi(14)' --output x.csv
stderr> error: two features are called 'rsi_14'
stderr> ...
exit 2

$ hayate features --input nowhere.csv --expr 'a=$close' --label 'a=Ref($close,-1)/$close-1' --output x.csv
stderr> error: a feature and a label are called 'a'
stderr>    at: --label: Ref($close,-1)/$close-1
stderr>   try: give each a name of its own
exit 2

# An indicator is no operator.
$ hayate features --input examples/prices/IBM.csv --expr 'a=rsi($close)' --output x.csv --quiet
stderr> error: unknown operator 'rsi'
stderr> ...
stderr> ...
stderr>   try: an indicator: --indicator 'rsi(period=14)'; its expressions: hayate indicators rsi
exit 2

# In the spec of a run.
$ printf '[universe]\ninput = "examples/prices"\n[features]\nindicators = ["rsi(period=14)", "adx"]\nexpressions = ["ma5 = Mean($close,5)/$close"]\n[model]\nparams = { num_trees = 2 }\n' >spec.toml; hayate run spec.toml --run-dir out --quiet >/dev/null; python3 -c 'import json; print(sorted(json.load(open("out/metrics.json")))[:1] != [])'
True

$ printf '[universe]\ninput = "examples/prices"\n[features]\nindicators = ["rsi(perriod=14)"]\n' >bad.toml; hayate run bad.toml
stderr> error: unknown parameter of rsi 'perriod'
stderr>    at: bad.toml:4:28: rsi(perriod=14)
stderr>                                   ^^
stderr>   try: ...'period'...
exit 2
