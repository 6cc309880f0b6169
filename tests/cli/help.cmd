# The bare command and --help say the same; every command has a page of its own with an example.
$ hayate | head -1
hayate: ...

$ diff <(hayate) <(hayate --help)

$ hayate --version
hayate ... (...)

$ for c in run features train predict evaluate synth sets operators doctor stats completion; do hayate $c --help | grep -ci example | sed "s/[1-9].*/$c/"; done
run
features
train
predict
evaluate
synth
sets
operators
doctor
stats
completion

# Every command of the first page has a page, and nothing else stands there.
$ for c in $(hayate --help | sed -n '/^commands:/,/^$/s/^  \([a-z]*\) .*/\1/p'); do hayate $c --help >help.txt || echo $c; done
