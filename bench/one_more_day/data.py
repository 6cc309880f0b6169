"""data.py DATA: random bars as float32 files."""
import sys

from random_bars import random_bars, write_bars

write_bars(sys.argv[1], random_bars())
