# What this machine grants, and where each figure comes from.
$ hayate doctor --json | python3 -c 'import json, sys; d = json.load(sys.stdin); print(*(k for k in ("cores", "memory_bytes", "instruction_set", "gpu") if "source" in d[k] or "reason" in d[k]))'
cores memory_bytes instruction_set gpu

$ HAYATE_ISA=baseline hayate doctor --json | grep -c baseline | sed 's/[1-9].*/yes/'
yes
