# A wrong expression is shown with a caret under the place; one that looks ahead is refused as a feature and fine as a label.
$ hayate features --input examples/prices --expr 'x=Mean($close, 5' --output x.csv
stderr> error: ...
stderr> ...
stderr> ...^
stderr> ...
exit 2

$ hayate features --input examples/prices --expr 'x=Maen($close, 5)' --output x.csv
stderr> error: ...Maen...
stderr> ...
stderr> ...Mean...
exit 2

$ hayate features --input examples/prices --expr 'x=Mean($clsoe, 5)' --output x.csv
stderr> error: ...clsoe...
stderr> ...
stderr> ...close...
exit 2

$ hayate features --input examples/prices --expr 'x=Ref($close, -1)/$close' --output x.csv
stderr> error: ...
stderr> ...
exit 2

$ ls x.csv
stderr> ...
exit 2

$ hayate features --input examples/prices/IBM.csv --expr 'x=$close/Ref($close, 1)-1' --label 'y=Ref($close, -1)/$close-1' --output x.csv --dtype float64 --quiet; head -3 x.csv; wc -l <x.csv
symbol,date,x,y
IBM,2000-03-01,...
IBM,2000-03-02,0.028...,...
3271

# Columns of several sets stand one behind the other; a column that two of them share stands once, another one of the same name is refused.
$ hayate features --input examples/prices/IBM.csv --set essential16 --set daytrade21 --output sets.csv --quiet; head -1 sets.csv | tr , '\n' | sed -n '18,19p;33p'
supertrend_10_3
return_1
obv_change_5

$ hayate features --input examples/prices/IBM.csv --set alpha158 --set alpha360 --output none
checksum ...
stderr> ...
stderr> 514 features of 1 symbols, ...

$ hayate features --input examples/prices/IBM.csv --set alpha158 --expr 'ROC5=$close/$open' --output none
stderr> error: two features are called 'ROC5'
stderr>    at: Ref($close, 5)/$close of the set alpha158, and --expr: $close/$open
stderr>   try: give each feature a name of its own
exit 2

# What is wrong with an expression of a file is said with its line and column, in a file of features as in one of flags.
$ printf '\357\273\277ma5 = Mean($close, 5)\r\n\r\nma9 = Mean($clsoe, 9)\r\n' >my.txt; hayate features --input examples/prices/IBM.csv --expr-file my.txt --output none
stderr> error: unknown column '$clsoe'
stderr>    at: my.txt:3:12: ma9 = Mean($clsoe, 9)
stderr>                                ^^^^^^
stderr>   try: did you mean '$close'?
exit 2

$ printf 'input = "examples/prices/IBM.csv"\noutput = "none"\nexpr = ["a = $close",\n  "b = Maen($close, 9)"]\n' >flags.toml; hayate features --spec flags.toml
stderr> error: unknown operator 'Maen'
stderr>    at: flags.toml:4:8: b = Maen($close, 9)
stderr>                            ^^^^
stderr>   try: did you mean 'Mean'?
exit 2
