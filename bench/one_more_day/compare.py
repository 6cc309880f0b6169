"""compare.py DATA EXPECTED ANSWER: the same bytes, or not, by set of features."""
import pathlib
import sys

differ = False
for name in ("alpha158", "recursive"):
    want, got = (pathlib.Path(folder, f"{name}.f32").read_bytes() for folder in sys.argv[2:4])
    print(f"{name}:", "the reference" if sys.argv[2] == sys.argv[3] else "the same bytes" if want == got else "other bytes")
    differ |= want != got
sys.exit(differ)
