# A wrong name of any kind: exit 2, three lines on stderr, the nearest name in the last, nothing on stdout.
$ hayate featurs
stderr> error: unknown command 'featurs'
stderr>    at: ...
stderr>   try: did you mean 'features'?
exit 2

$ hayate features --inptu examples/prices
stderr> error: ...--inptu...
stderr>    at: ...
stderr>   try: ...--input...
exit 2

$ hayate train --learner forst
stderr> error: ...forst...
stderr>    at: ...
stderr>   try: ...forest...
exit 2

$ hayate features --input examples/prices --set alpha185 --output x.parquet
stderr> error: ...alpha185...
stderr>    at: ...
stderr>   try: ...alpha158...
exit 2

$ hayate operators Maen
stderr> error: ...Maen...
stderr>    at: ...
stderr>   try: ...Mean...
exit 2

# A name stands before files in the order of checks: this file does not exist, and that is not what is said.
$ hayate features --input nowhere.csv --set alpha185 --output x.parquet
stderr> error: ...alpha185...
stderr> ...
exit 2

$ ls x.parquet
stderr> ...
exit 2

# A column has one part.
$ printf 'a,b,t,y\n1,2,u,0\n2,1,v,1\n3,4,u,1\n4,1,v,0\n' >t.csv; hayate train --input t.csv --label y --features a,y --learner forest --model m.hyt --quiet
stderr> error: 'y' is the label, and a feature
stderr>    at: --features
stderr>   try: leave 'y' out of --features
exit 2

$ hayate train --input t.csv --label y --features a,a --learner forest --model m.hyt --quiet
stderr> error: feature 'a' is named twice
stderr>    at: --features
stderr>   try: name every feature once
exit 2

$ hayate train --input t.csv --label y --features a,b --weight b --learner forest --model m.hyt --quiet
stderr> error: 'b' is a feature, and has another part beside it
stderr>    at: --features
stderr>   try: leave 'b' out of --features
exit 2

$ hayate train --input t.csv --label y --weight y --learner forest --model m.hyt --quiet
stderr> error: 'y' is the label, and has another part beside it
stderr>    at: --label
stderr>   try: name another column for one of the two
exit 2

$ hayate train --input t.csv --label y --learner forest --model m.hyt --quiet
stderr> error: column 't' holds text, expected numbers
stderr>    at: t.csv
stderr>   try: forest and boosting learn from texts with --params 'categorical=t' (several: categorical=a;b); or name the columns of numbers with --features a,b,c
exit 1

# Names from other libraries.
$ hayate train --input t.csv --label y --learner boosting --params n_estimators=50 --model m.hyt --quiet
stderr> error: unknown boosting parameter 'n_estimators'
stderr>    at: --params
stderr>   try: 'n_estimators' is num_trees here
exit 2

$ hayate train --input t.csv --label y --learner linear --model m.hyt --quiet
stderr> error: learner 'linear' does not solve classification problems
stderr>    at: --learner
stderr>   try: a learner that does (forest, boosting, logistic), or another --problem
exit 2

$ hayate train --input t.csv --label y --problem regression --features a,b --learner linear --params l1_ratio=0.5 --model m.hyt --quiet
stderr> error: l1_ratio lays a share of l2 on the sizes of the coefficients, and l2 is 0
stderr>    at: --params
stderr>   try: l2=1,l1_ratio=0.5, or l1=1 for the lasso
exit 2
