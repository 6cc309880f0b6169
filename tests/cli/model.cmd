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
