"""compare.py DATA EXPECTED ANSWER: the same bytes?"""
import pathlib
import sys

data, expected, answer = map(pathlib.Path, sys.argv[1:4])
same = {case.name: (expected / f"{case.name}.f32").read_bytes() == (answer / f"{case.name}.f32").read_bytes() for case in data.iterdir()}
for case, equal in same.items():
    print(f"{case}: {'the same bytes' if equal else 'other bytes'}")
sys.exit(not all(same.values()))
