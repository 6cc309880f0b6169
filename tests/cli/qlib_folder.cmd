# qlib's folders of .bin files: read like any other input, written by --format qlib.
$ printf 'symbol,date,close,volume\nIBM,2020-01-03,140.5,1000\nAAPL,2020-01-02,75.25,2000\nAAPL,2020-01-06,76,\n' >bars.csv; hayate convert bars.csv made/ --format qlib
stderr> ...
stderr> 3 rows, 4 columns: made/

$ find made -type f | sort; cat made/calendars/day.txt made/instruments/all.txt; od -A n -t f4 made/features/aapl/close.day.bin | tr -s ' '
made/calendars/day.txt
made/features/aapl/close.day.bin
made/features/aapl/volume.day.bin
made/features/ibm/close.day.bin
made/features/ibm/volume.day.bin
made/instruments/all.txt
2020-01-02
2020-01-03
2020-01-06
AAPL	2020-01-02	2020-01-06
IBM	2020-01-03	2020-01-03
 0 75.25 nan 76

$ hayate convert made - --format csv --quiet
symbol,date,close,volume
AAPL,2020-01-02,75.25,2000.0
AAPL,2020-01-06,76.0,
IBM,2020-01-03,140.5,1000.0

# --to says it too, and where the name says nothing both are named.
$ hayate convert bars.csv again/ --to qlib --quiet && cmp made/features/aapl/close.day.bin again/features/aapl/close.day.bin && echo same
same

$ hayate convert bars.csv folder/
stderr> error: a file name without an extension
stderr>    at: folder/
stderr>   try: ...; --to csv and the like say the format, --to qlib makes a folder of qlib's .bin files
exit 2

# As the input of features; the gap becomes a row on the union calendar.
$ hayate features --input made --expr 'x=$close/Ref($close,1)' --calendar union --output - --format csv --quiet
symbol,date,x
AAPL,2020-01-02,
AAPL,2020-01-03,
AAPL,2020-01-06,
IBM,2020-01-03,

# A folder is never overwritten.
$ hayate convert bars.csv made --format qlib
stderr> ...
stderr> error: it exists already, and a folder is never overwritten
stderr>    at: made
stderr>   try: remove it first, or choose another name
exit 1

# Files of one symbol each, named as the file. Doubles become float32, and that is said.
$ hayate convert examples/prices prices --columns date,close,volume --format qlib
stderr> ...
stderr> ... values are rounded: qlib's files hold float32
stderr> ...
stderr> ... rows, 4 columns: prices

$ cut -f 1 prices/instruments/all.txt; hayate features --input prices --expr 'x=Mean($close,5)/$close' --output none --quiet >a; hayate features --input examples/prices --expr 'x=Mean($close,5)/$close' --output none --quiet >b; cmp a b
AAPL
IBM
MSFT
sp500

# A torn file, a lying one, no calendar: the file is named.
$ printf 'abc' >made/features/aapl/close.day.bin; hayate convert made out.parquet
stderr> ...
stderr> error: 3 bytes: the file is torn, a place and values take 4 bytes each
stderr>    at: made/features/aapl/close.day.bin
stderr>   try: export the folder again
exit 1

# For features and runs a symbol that cannot be read is a line, not the end.
$ hayate features --input made --expr 'x=$close+1' --output - --format csv --quiet
symbol,date,x
IBM,2020-01-03,141.5
exit 3

$ printf '\0\0\200@\0\0\200@' >made/features/aapl/close.day.bin; hayate convert made out.parquet
stderr> ...
stderr> error: the first value is place 4 of a calendar of 3 dates
stderr> ...
exit 1

$ rm made/calendars/day.txt; hayate features --input made --set alpha158 --output out.parquet
stderr> ...
stderr> error: a qlib folder without its calendar
stderr>    at: made/calendars/day.txt
stderr>   try: export the folder again
exit 1

$ ls out.parquet
stderr> ...
exit 2

$ hayate convert bars.csv - --format qlib
stderr> error: a qlib folder is no stream
stderr> ...
exit 2

# Calendars of exchanges are not known; what is says so.
$ hayate features --input bars.csv --set alpha158 --calendar XTKS --output out.parquet
stderr> error: ...XTKS...
stderr> ...
stderr>   try: ...none, union...
exit 2

# A name that qlib's own reader takes for a missing value.
$ printf 'symbol,date,close\nNA,2020-01-03,140.5\nIBM,2020-01-03,75.25\n' >na.csv; hayate convert na.csv na --format qlib
stderr> ...
stderr> qlib's own reader takes the symbol 'NA' for a missing value; rename it if qlib shall read this folder
stderr> ...
stderr> 2 rows, 3 columns: na
