# A model from training to other programs.
$ printf 'a,b,y\n' >t.csv; for i in $(seq 60); do echo "$((i * 7 % 30)),$((i * 11 % 17)),$((i * 7 % 30 > 14))"; done >>t.csv
$ hayate train --input t.csv --label y --learner forest --params num_trees=5,max_depth=3 --model m.hyt --quiet

$ hayate model m.hyt
forest for classification
label      y
classes    0, 1
features   2: a, b
trees      5 of ... nodes, depth ... at most
params     num_trees=5,max_depth=3,...
seed       0

$ hayate importance --model m.hyt
feature  importance
a          ...
b          ...
share of the gain of all splits

# The mean prediction while a feature is held at each of its values; the table has a row a point.
$ hayate importance --model m.hyt --method partial_dependence --input t.csv --grid 5 --output points.csv --plot curves.svg --quiet; head -2 points.csv; grep -c '<svg' curves.svg
feature  importance
a          ...
b          ...
standard deviation of the mean probability over the feature's grid
feature,value,mean_1
a,...
3

$ hayate importance --model m.hyt --method partial_dependence --input t.csv --features a,bb
stderr> error: unknown feature 'bb'
stderr>    at: --features
stderr>   try: did you mean 'b'?
exit 2

# Probabilities fitted to rows that a tree did not draw; two classes and a sigmoid go into other programs' leaves, knots into ONNX alone.
$ hayate train --input t.csv --label y --learner forest --params num_trees=5,max_depth=3 --calibration platt --model fitted.hyt --quiet; hayate model fitted.hyt | grep calibration; hayate export --model fitted.hyt --to onnx --output fitted.onnx --quiet
calibration platt

$ hayate train --input t.csv --label y --learner forest --params num_trees=5 --calibration isotonic --model fitted.hyt --quiet; hayate export --model fitted.hyt --to onnx --output fitted.onnx --quiet; hayate export --model fitted.hyt --to lightgbm --output fitted.txt
stderr> error: isotonic calibration has no place in this format
stderr>    at: --to lightgbm
stderr>   try: --to onnx, or train with --calibration platt
exit 2

$ printf 'town,y\nA,1\nB,2\nA,1\nC,3\n' >towns.csv; hayate train --input towns.csv --label y --problem regression --learner forest --params num_trees=2,categorical=town --model towns.hyt --quiet; hayate model towns.hyt | grep category
category town A, B, C

$ printf 'town\n1\n2\n' >numbers.csv; hayate predict --model towns.hyt --input numbers.csv --output x.csv
stderr> error: column 'town' holds int64, the model knows categories such as 'A'
stderr>    at: numbers.csv
stderr>   try: give the column the texts that the model was trained with
exit 1

$ hayate train --input t.csv --label a --problem regression --learner forest --calibration platt --model fitted.hyt
stderr> error: a regression has no probabilities to calibrate
stderr>    at: --calibration
stderr>   try: leave it out, or pass --problem classification
exit 2

$ hayate export --model m.hyt --to lightgbm --output m.txt --quiet; hayate import --from lightgbm --input m.txt --model back.hyt
stderr> regression with 5 trees of 2 features: back.hyt

$ hayate export --model m.hyt --to onxn --output m.onnx
stderr> error: unknown format 'onxn'
stderr>    at: hayate export --to
stderr>   try: did you mean 'onnx'?
exit 2

$ hayate export --model m.hyt --to onnx --output m.onnx --key 7203
stderr> error: the model has no keys
stderr>    at: --key
stderr>   try: leave out --key
exit 2

$ hayate importance --model m.hyt --method permutation --input t.csv
stderr> error: permutation needs the column that was to be predicted
stderr>    at: --label
stderr>   try: --label COL, or --method shap
exit 2

$ hayate import --from xgboost --input t.csv --model never.hyt; ls never.hyt
stderr> error: no valid JSON: expected a value
stderr>    at: t.csv:1: a,b,y
stderr>   try: check that the file is complete; NaN and Infinity are no JSON, write null
stderr> ls: ...
exit 2
