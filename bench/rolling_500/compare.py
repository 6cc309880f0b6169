"""compare.py DATA EXPECTED ANSWER: cells that differ from the reference, column by column. See problem.toml, tolerance."""
import sys

from compare_columns import compare_columns

compare_columns(*sys.argv[2:4])
