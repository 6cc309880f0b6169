# What there is, from the tables the program itself works with.
$ hayate sets | grep -c alpha158
1

$ hayate sets alpha158 | grep -o 'KMID2'
KMID2

$ hayate operators Mean | grep -ci window | sed 's/[1-9].*/yes/'
yes

$ hayate sets --json | python3 -c 'import json, sys; print("alpha158" in [s["name"] for s in json.load(sys.stdin)])'
True

$ hayate operators | grep -c '^ta\.'
201

$ hayate operators ta.BBANDS
ta.BBANDS(real, timeperiod=20, nbdevup=2, nbdevdn=2, matype=0)
  group     Overlap Studies
  inputs    real
  param     timeperiod = 20: whole, from 2 to 100000
  ...
  outputs   upperband, middleband, lowerband
  lookback  max(average(timeperiod, matype), timeperiod - 1): 19 with the defaults
  ...
  window    ...
  missing   ...
    talib   ...
  unstable  ...
  cost      ... ns a cell
  example   ta.BBANDS(...).upperband

$ hayate operators ta.BBAND
stderr> error: unknown operator 'ta.BBAND'
stderr>    at: hayate operators ta.BBAND
stderr>   try: did you mean 'ta.BBANDS'?
exit 2

$ hayate operators --json | python3 -c 'import json, sys; print({"Mean", "Ref", "Corr", "If"} <= {s["name"] for s in json.load(sys.stdin)})'
True
