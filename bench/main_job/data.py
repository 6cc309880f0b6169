"""data.py DATA: bars.parquet, 500 symbols x 1,250 days made by hayate from the bundled prices; and every 25th symbol in qlib's binary layout,
as a user of qlib would have them lying ready."""
import pathlib
import subprocess
import sys

from qlib_files import write_qlib
from walk_forward import read_bars

data = pathlib.Path(sys.argv[1])
subprocess.run(["build/release/hayate", "synth", "--like", "examples/prices/*.csv", "--symbols", "500", "--days", "1250", "--seed", "1", "--quiet",
                "--output", data / "bars.parquet"], check=True)
write_qlib(data / "qlib", read_bars(data / "bars.parquet"))
